import { dirname, resolve } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { sha256 } from '../../base/hash.js';
import { type Lock, tryLock } from '../../base/locks/lock.js';
import { type ModelFolder, modelFolders } from '../../models/answers/model-folder.js';
import { openRecording } from '../../models/answers/recording.js';
import { type CheckedAnswers, checkAnswers } from '../../models/answers/upkeep/check-answers.js';
import { compactAnswers } from '../../models/answers/upkeep/compact-answers.js';
import { exportAnswers } from '../../models/answers/upkeep/export-answers.js';
import { importAnswers } from '../../models/answers/upkeep/import-answers.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { bytes, money } from '../views/format.js';
import { plainTable } from '../views/plain-table.js';
import { printable } from '../views/printable.js';
import { styleFor } from '../views/style.js';

interface StoreOptions extends OutputOptions {
  readonly model?: string;
}

/** `secpi store check`: exit code 1 when something is damaged. */
export async function checkStore(options: StoreOptions, environment: CliEnvironment): Promise<number> {
  using interrupt = abortOnSignals();
  const checked: { readonly model: ModelFolder; readonly found: CheckedAnswers }[] = [];
  for (const model of await chosen(options, environment)) {
    checked.push({ model, found: await checkAnswers(model, interrupt.signal) });
  }
  const total = (of: 'damaged' | 'read_back' | 'unfinished_bytes') =>
    checked.reduce((sum, { found }) => sum + found[of], 0);
  const [damaged, readBack, unfinished] = [total('damaged'), total('read_back'), total('unfinished_bytes')];
  if (options.json === true) {
    for (const { model, found } of checked) writeJson({ type: 'answers', ...jsonOf(model), ...found }, environment);
    writeJson({ type: 'store', models: checked.length, damaged }, environment);
  } else {
    const style = styleFor(environment.stdout, environment.variables);
    const rows = checked.map(({ model, found }) => [
      nameOf(model),
      String(found.answers),
      money(found.cost_usd),
      String(found.files),
      bytes(found.bytes),
      String(found.repeated),
      found.damaged === 0 ? '0' : style('red', String(found.damaged)),
    ]);
    const head = ['model', 'answers', 'bought for', 'files', 'size', 'repeated', 'damaged'];
    const align = head.map((_, index) => (index === 0 ? 'left' : 'right'));
    const table = checked.length === 0 ? [nothing(environment)] : [plainTable(rows, { head, align, style })];
    const notes = [
      damaged > 0 &&
        style('red', `At least ${counted(damaged, 'answer')} cannot be used; who asks for one buys it again.`),
      readBack > 0 &&
        style(
          'red',
          `A damaged list names ${counted(readBack, 'answer')}, of which nothing is lost: \`secpi store compact\` makes it anew.`,
        ),
      unfinished > 0 &&
        `${bytes(unfinished)} at the ends of files are no answer yet: a process was killed there, or is still writing.`,
    ].filter((note) => note !== false);
    const lines = [...table, ...(notes.length === 0 ? [] : ['']), ...notes];
    environment.stdout.write(environment.redact(`${lines.join('\n')}\n`));
  }
  return damaged + readBack === 0 ? 0 : 1;
}

/** `secpi store compact`. */
export async function compactStore(options: StoreOptions, environment: CliEnvironment): Promise<number> {
  using interrupt = abortOnSignals();
  const models = await chosen(options, environment);
  const lock = await alone(environment, interrupt.signal);
  try {
    for (const model of models) {
      const done = await compactAnswers(model, interrupt.signal);
      if (options.json === true) {
        writeJson({ type: 'compacted', ...jsonOf(model), changed: done !== undefined, ...done }, environment);
        continue;
      }
      const { set_aside: aside = [] } = done ?? {};
      const lines = [
        done === undefined
          ? `${nameOf(model)}: nothing to gain`
          : `${nameOf(model)}: ${counted(done.answers, 'answer')}, ${bytes(done.bytes_before)} in ${counted(done.files, 'file')} made ${bytes(done.bytes)} in one`,
        ...aside.map((name) => `  ${name}.damaged holds what cannot be used; delete it when you have looked at it`),
      ];
      environment.stdout.write(environment.redact(`${lines.join('\n')}\n`));
    }
  } finally {
    await lock.release();
  }
  if (models.length === 0 && options.json !== true) environment.stdout.write(`${nothing(environment)}\n`);
  return 0;
}

/** `secpi store export`. */
export async function exportStore(file: string, options: StoreOptions, environment: CliEnvironment): Promise<number> {
  if (!/\.jsonl(\.gz)?$/.test(file)) {
    throw new SecpiError('store/unknown-format', `A recording is called .jsonl or .jsonl.gz, not ${printable(file)}`, {
      hint: 'With .gz it is packed.',
      exitCode: 2,
    });
  }
  using interrupt = abortOnSignals();
  const model = await theOne(options, environment);
  const path = resolve(environment.workingDirectory, file);
  const done = await exportAnswers(model, path, interrupt.signal);
  if (options.json === true) {
    writeJson({ type: 'exported', ...jsonOf(model), file: path, ...done }, environment);
  } else {
    const left = done.damaged === 0 ? '' : `; at least ${counted(done.damaged, 'damaged one')} left out`;
    const what = `${counted(done.answers, 'answer')} of ${nameOf(model)}, ${bytes(done.bytes)}${left}`;
    environment.stdout.write(environment.redact(`${shownPath(path, environment)}: ${what}\n`));
  }
  return 0;
}

/** `secpi store import`. */
export async function importStore(file: string, options: StoreOptions, environment: CliEnvironment): Promise<number> {
  using interrupt = abortOnSignals();
  const { signal } = interrupt;
  await using recording = await openRecording(resolve(environment.workingDirectory, file));
  const lock = await alone(environment, signal);
  try {
    const stateDir = environment.state.root;
    const models = await importAnswers(recording, { stateDir, identity: options.model, signal });
    for (const model of models) {
      if (options.json === true) writeJson({ type: 'imported', ...model }, environment);
      else {
        const text = `${printable(model.identity)}: ${counted(model.added, 'answer')} added, ${model.there} there already`;
        environment.stdout.write(environment.redact(`${text}\n`));
      }
    }
    if (models.length === 0 && options.json !== true) environment.stdout.write('The recording is empty.\n');
  } finally {
    await lock.release();
  }
  return 0;
}

/** The models that are meant: all, or those of this name. */
async function chosen({ model }: StoreOptions, environment: CliEnvironment): Promise<readonly ModelFolder[]> {
  const models = await modelFolders(environment.state.root);
  if (model === undefined) return models;
  const isNamed = ({ name, identity }: ModelFolder): boolean =>
    [name, identity].includes(model) || name.startsWith(`${model}-`) || identity?.startsWith(`${model}@`) === true;
  const named = models.filter(isNamed);
  if (named.length > 0) return named;
  throw new SecpiError('store/no-such-model', `There are no answers of a model "${printable(model)}"`, {
    hint: models.length === 0 ? nothing(environment) : `There are those of ${models.map(nameOf).join(', ')}.`,
    exitCode: 2,
  });
}

async function theOne(options: StoreOptions, environment: CliEnvironment): Promise<ModelFolder> {
  const models = await chosen(options, environment);
  const [first] = models;
  if (first !== undefined && models.length === 1) return first;
  const message = first === undefined ? 'There are no answers to export' : 'There are answers of several models';
  throw new SecpiError('store/which-model', message, {
    hint: first === undefined ? nothing(environment) : `Name one with --model: ${models.map(nameOf).join(', ')}.`,
    exitCode: 2,
  });
}

function nameOf({ name, identity }: ModelFolder): string {
  return printable(identity ?? name);
}

function jsonOf({ identity, path }: ModelFolder) {
  return { model: identity ?? null, folder: path };
}

function nothing(environment: CliEnvironment): string {
  return `No model has given an answer in ${shownPath(environment.state.root, environment)} yet.`;
}

/** Nobody else may pack or add answers by hand meanwhile. */
async function alone({ state }: CliEnvironment, signal: AbortSignal): Promise<Lock> {
  const lock = await tryLock(state.lock(sha256('secpi store')), signal);
  if (lock !== undefined) return lock;
  throw new SecpiError('store/busy', `Another process is at work on the answers in ${dirname(state.runs)}`, {
    hint: 'Wait until its `secpi store` command has ended.',
  });
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
