import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { openSandbox } from '../../sandbox/open-sandbox.js';
import { benchOf } from '../../suites/bench.js';
import { type JudgedReference, judgeReferences } from '../../suites/judging/judge-references.js';
import {
  aboutSuite,
  isSetUp,
  KNOWN_SUITES,
  loadSuite,
  type SuiteOrigin,
  setUpSuite,
  suiteOrigin,
} from '../../suites/registry.js';
import type { Suite } from '../../suites/suite.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { type NamedOrigin, originOf } from '../suite-origin.js';
import { plainTable } from '../views/plain-table.js';
import { oneLine } from '../views/printable.js';
import { type Style, styleFor } from '../views/style.js';

/** `secpi suites list`: the suites that a recipe can use by their names. */
export async function listSuites(options: OutputOptions, environment: CliEnvironment): Promise<number> {
  const { stdout, variables, cache: cacheFolder } = environment;
  const suites = KNOWN_SUITES.map((suite) => {
    const ready = isSetUp(suiteOrigin(suite, undefined), { cacheFolder });
    return { suite, about: aboutSuite(suite), ready };
  });
  if (options.json === true) for (const suite of suites) writeJson({ type: 'suite', ...suite }, environment);
  else {
    const style = styleFor(stdout, variables);
    const rows = suites.map(({ suite, about, ready }) => [
      suite,
      ready ? style('green', 'ready') : `secpi suites setup ${suite}`,
      about,
    ]);
    const head = ['suite', 'here', 'what'];
    stdout.write(`${plainTable(rows, { head, align: head.map(() => 'left'), style })}\n`);
  }
  return 0;
}

/**
 * `secpi suites setup`: fetches a suite and makes what judging it takes, then checks it. Exit code 1 when one of its reference solutions comes
 * out otherwise than it should.
 */
export async function setUpSuiteHere(
  name: string,
  { source, from, ...options }: OutputOptions & { readonly source?: string; readonly from?: NamedOrigin },
  environment: CliEnvironment,
): Promise<number> {
  using interrupt = abortOnSignals();
  const { cache: cacheFolder, workingDirectory, stdout, variables, redact } = environment;
  const say = (line: string): void => {
    if (options.json === true) writeJson({ type: 'log', message: line }, environment);
    else if (options.quiet !== true) stdout.write(redact(`${line}\n`));
  };
  const isAddress = source === undefined || /^\w+:\/\//.test(source);
  const origin = suiteOrigin(name, originOf(from, environment));
  const notes = await setUpSuite(name, origin, {
    cacheFolder,
    variables,
    source: isAddress ? source : resolve(workingDirectory, source),
    say,
    signal: interrupt.signal,
  });
  for (const note of notes) say(`note: ${note}`);
  say('judging its reference solutions');
  return checkSuiteOf(name, origin, options, environment);
}

/**
 * `secpi suites check`: whether a suite is sound here: its secure solutions pass everything, all others work and are caught. Exit code 1
 * when one comes out otherwise, or cannot be judged.
 */
export async function checkSuite(target: string, options: OutputOptions, environment: CliEnvironment): Promise<number> {
  const { workingDirectory } = environment;
  const folder = resolve(workingDirectory, target);
  // What is neither a known name nor looks like a path is a name that was mistyped, unless there is such a folder.
  const known = KNOWN_SUITES.includes(target) || !(target.includes('/') || existsSync(folder));
  const origin = suiteOrigin(target, known ? undefined : { files: folder });
  return checkSuiteOf(known ? target : shownPath(folder, environment), origin, options, environment);
}

async function checkSuiteOf(
  name: string,
  origin: SuiteOrigin,
  options: OutputOptions,
  environment: CliEnvironment,
): Promise<number> {
  using interrupt = abortOnSignals();
  const { signal } = interrupt;
  const { cache: cacheFolder, stdout, variables, redact } = environment;
  const suite = await loadSuite(name, origin, { cacheFolder });
  const languages = [...new Set(suite.problems.flatMap((problem) => suite.needs(problem).languages))];
  const sandbox = await openSandbox({ cacheFolder, languages });
  for (const language of languages) if (sandbox.toolchains[language] !== undefined) await sandbox.prepare(language);

  const references: JudgedReference[] = [];
  for await (const reference of judgeReferences(suite, benchOf(sandbox), { atOnce: availableParallelism(), signal })) {
    references.push(reference);
    if (options.json === true) writeJson({ type: 'reference', ...jsonOf(reference) }, environment);
  }
  const faults = references.filter(({ fault }) => fault !== null);
  const sound = faults.length === 0;
  const forgeable = suite.problems.filter((problem) => suite.forgeable(problem));
  if (options.json === true) {
    const { digest, measures } = suite;
    const problems = suite.problems.length;
    const counts = { problems, forgeable: forgeable.length, references: references.length, faults: faults.length };
    writeJson({ type: 'suite', suite: suite.name, sound, digest, measures, ...counts }, environment);
  } else {
    const style = styleFor(stdout, variables);
    const lines = [
      ...(options.quiet === true ? [] : [table(suite, references, style), '']),
      ...faultLines(faults).map((line) => `${style('red', 'wrong')}  ${line}`),
      summary(suite, references, faults, style),
    ];
    stdout.write(redact(`${lines.join('\n')}\n`));
  }
  return sound ? 0 : 1;
}

function jsonOf({ problem, name, expect, judgement, fault }: JudgedReference) {
  const failed = judgement?.cases.filter(({ verdict }) => verdict !== 'pass') ?? [];
  const { functional = 'unverified', security = 'unverified' } = judgement ?? {};
  return { problem: problem.id, reference: name, functional, security, expect, ok: fault === null, fault, failed };
}

function table(suite: Suite, references: readonly JudgedReference[], style: Style): string {
  const rows = suite.problems.map((problem) => {
    const own = references.filter((reference) => reference.problem.id === problem.id);
    const names = own.map(({ name, fault }) => (fault === null ? name : style('red', `${name} (wrong)`)));
    const mark = suite.forgeable(problem) ? 'forgeable' : '';
    return [oneLine(problem.id, 60), problem.language, problem.cwes.join(' '), names.join(', '), mark];
  });
  const head = ['problem', 'language', 'weakness', 'reference solutions', ''];
  return plainTable(rows, { head, align: head.map(() => 'left'), style });
}

/** What cannot be judged at all for one reason is told once. */
function faultLines(faults: readonly JudgedReference[]): readonly string[] {
  const unjudged = new Map<string, string[]>();
  const lines: string[] = [];
  for (const { problem, name, judgement, fault } of faults) {
    const which = `${oneLine(problem.id, 60)}: ${name}`;
    if (judgement !== null) lines.push(`${which} ${fault ?? ''}`);
    else unjudged.set(fault ?? '', [...(unjudged.get(fault ?? '') ?? []), which]);
  }
  for (const [fault, which] of unjudged) {
    if (which.length > 3) lines.push(`${which.length} reference solutions ${fault}`);
    else lines.push(...which.map((one) => `${one} ${fault}`));
  }
  return lines;
}

function summary(
  { name, problems, measures }: Suite,
  references: readonly JudgedReference[],
  faults: readonly JudgedReference[],
  style: Style,
): string {
  const counts = `${counted(problems.length, 'problem')}, ${counted(references.length, 'reference solution')}`;
  if (faults.length > 0) {
    const unverified = new Set(faults.flatMap(({ problem, everywhere }) => (everywhere ? [problem.id] : []))).size;
    const wrong = `${faults.length} of its ${counted(references.length, 'reference solution')} ${faults.length === 1 ? 'is' : 'are'} wrong`;
    const then =
      unverified === 0
        ? ''
        : `\nAn evaluation here would count the answers to ${unverified} of ${counted(problems.length, 'problem')} as unverified, and judge the rest.`;
    return style('red', `${name} is not sound here: ${wrong}.${then}`);
  }
  const measured = measures.includes('security') ? '' : '; it measures functional tests alone';
  return style('green', `${name} is sound here: ${counts}, all as they should be${measured}.`);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
