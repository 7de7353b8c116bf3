import { SecpiError } from '../../base/errors.js';
import { isPackedText } from '../../base/files/packed/text-file.js';
import { expectedError, sentenceOf } from '../../base/files/system-error.js';
import type { ArtifactReader } from '../../engine/artifacts/artifact.js';
import { inspectArtifact, listManifests } from '../../engine/artifacts/artifact-store.js';
import type { RunRecord } from '../../engine/runs/run-record.js';
import { SAMPLES } from '../../stages/curate/records.js';
import { TRACES } from '../../stages/trace/records.js';
import { startBrowseServer } from '../browse/browse-server.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { findRun } from '../runs/find-run.js';
import { oneLine } from '../views/printable.js';

interface BrowseOptions extends OutputOptions {
  readonly port: number;
}

/** What stages give to those behind them. */
const PASSED_ON = ['tasks.jsonl', 'kept.jsonl', TRACES, SAMPLES];

/** The word for the newest run, where an id is asked for. */
const LATEST = 'latest';

/** `secpi browse`: the rows of what a stage has made, in a browser; until Ctrl-C. */
export async function browseCommand(
  id: string,
  stage: string,
  options: BrowseOptions,
  environment: CliEnvironment,
): Promise<number> {
  using interrupt = abortOnSignals();
  const record = await findRun(id.toLowerCase() === LATEST ? undefined : id, environment);
  const made = await madeBy(record, stage, environment, interrupt.signal);
  const files = made.manifest.outputs
    .filter(({ path, at }) => (path.endsWith('.jsonl') || isPackedText(path)) && at === undefined)
    .map(({ path }) => ({ name: path, path: made.path(path) }))
    .sort((one, other) => rankOf(one.name) - rankOf(other.name));
  if (files.length === 0) {
    throw new SecpiError('cli/nothing-to-browse', `what ${stage} made holds no rows`, {
      hint: 'Rows are made by collect, filter, trace, curate and evaluate.',
      exitCode: 2,
    });
  }
  const { port } = options;
  const { redact, stdout } = environment;
  const started = startBrowseServer({ run: record.run, stage, files, port, redact });
  await using server = await started.catch((cause: unknown) => {
    throw new SecpiError('cli/cannot-listen', `cannot listen on port ${port}: ${sentenceOf(cause)}`, {
      hint: expectedError(cause)?.hint ?? 'Give another --port, or none.',
      cause,
    });
  });
  if (options.json === true) writeJson({ type: 'browse', run: record.run, stage, url: server.url }, environment);
  else
    stdout.write(
      `${server.url}\nOpen it in a browser of this machine; whoever knows the address can read. Ctrl-C ends it.\n`,
    );
  await new Promise<void>((resolve) => interrupt.signal.addEventListener('abort', () => resolve(), { once: true }));
  return 0;
}

/** Zero for what the stage passes on, which comes before what it has dropped. */
function rankOf(name: string): number {
  return PASSED_ON.includes(name) ? 0 : 1;
}

/** What the run made or used of that stage; of one that is not over, what it has made so far. */
async function madeBy(
  record: RunRecord,
  stage: string,
  { state }: CliEnvironment,
  signal: AbortSignal,
): Promise<ArtifactReader> {
  const told = record.summary?.stages.find((one) => one.stage === stage)?.fingerprint;
  const fingerprint =
    told ??
    (/^[a-z][a-z0-9-]*$/.test(stage) ? await listManifests(state, stage) : []).find(({ run }) => run === record.run)
      ?.fingerprint;
  const found = fingerprint == null ? undefined : await inspectArtifact(state, stage, fingerprint, { signal });
  if (found?.state === 'whole') return found.artifact;
  const stages = record.summary?.stages.flatMap((one) => (one.fingerprint === null ? [] : [one.stage])) ?? [];
  const damaged = found?.state === 'damaged' ? `: ${found.problem}` : '';
  throw new SecpiError('cli/nothing-to-browse', `run ${record.run} has nothing of "${oneLine(stage, 40)}"${damaged}`, {
    hint:
      stages.length === 0
        ? 'It may not have come so far yet: `secpi status` tells.'
        : `It has made or used: ${stages.join(', ')}.`,
    exitCode: 2,
  });
}
