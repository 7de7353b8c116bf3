import { spawn } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { hintFor, sentenceOf } from '../../base/files/system-error.js';
import type { Sha256 } from '../../base/hash.js';
import { inspectArtifact, listManifests } from '../../engine/artifacts/artifact-store.js';
import type { RunRecord } from '../../engine/runs/run-record.js';
import type { CliEnvironment } from '../environment.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { findRun } from '../runs/find-run.js';
import { REPORT } from '../runs/run-report.js';

export interface ReportOptions extends OutputOptions {
  readonly open?: boolean;
  readonly output?: string;
}

interface FoundReport {
  readonly path: string;
  /** The run that it tells about; null for a report that only its artifact is left of. */
  readonly run: string | null;
}

/** `secpi report`: where a run's report is; can copy it and open it. */
export async function reportCommand(
  id: string | undefined,
  options: ReportOptions,
  environment: CliEnvironment,
): Promise<number> {
  const record = await findRun(id, environment);
  const found = await findReport(record, id === undefined, environment);
  const path = options.output === undefined ? found.path : await copyTo(found.path, options.output, environment);
  if (options.json === true) writeJson({ type: 'report', path, run: found.run }, environment);
  else {
    environment.stdout.write(`${shownPath(path, environment)}\n`);
    if (found.run !== record.run) {
      environment.stderr.write(`note: run ${record.run} made no report; this is the newest one that there is\n`);
    }
  }
  if (options.open === true) await openInBrowser(path);
  return 0;
}

/** The run's own page; else the page that its report stage made; else, if no run was named, the newest page of all. */
async function findReport(record: RunRecord, orNewest: boolean, environment: CliEnvironment): Promise<FoundReport> {
  const own = join(record.folder, REPORT);
  if (await isFile(own)) return { path: own, run: record.run };
  const made = record.summary?.stages.find(({ stage, fingerprint }) => stage === 'report' && fingerprint !== null);
  if (made?.fingerprint) {
    const page = await pageOf(made.fingerprint, environment);
    if (page !== undefined) return { path: page, run: record.run };
  }
  const manifests = orNewest ? await listManifests(environment.state, 'report') : [];
  for (const { fingerprint, run } of manifests) {
    const earlier = join(environment.state.run(run), REPORT);
    if (await isFile(earlier)) return { path: earlier, run };
    const page = await pageOf(fingerprint, environment);
    if (page !== undefined) return { path: page, run: null };
  }
  const why = record.state === 'running' ? 'has not come to its report yet' : `has no report (it is ${record.state})`;
  throw new SecpiError('cli/no-report', `run ${record.run} ${why}`, {
    hint: 'The report is made by the stage of that name, near the end: `secpi status` shows how far the run is.',
  });
}

async function pageOf(fingerprint: Sha256, { state }: CliEnvironment): Promise<string | undefined> {
  const { signal } = new AbortController();
  const found = await inspectArtifact(state, 'report', fingerprint, { signal });
  return found.state === 'whole' ? found.artifact.path(REPORT) : undefined;
}

async function copyTo(source: string, output: string, environment: CliEnvironment): Promise<string> {
  const given = resolve(environment.workingDirectory, output);
  const isFolder = output.endsWith('/') || (await stat(given).catch(() => undefined))?.isDirectory() === true;
  const target = isFolder ? join(given, REPORT) : given;
  // Not a copy of the file: what lies in the store is read-only.
  const page = await readFile(source);
  try {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, page);
  } catch (error) {
    throw new SecpiError('cli/cannot-write', sentenceOf(error), { hint: hintFor(error), cause: error });
  }
  return target;
}

/** Hands the page to the desktop and does not wait for it. */
function openInBrowser(path: string): Promise<void> {
  const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(opener, [path], { detached: true, stdio: 'ignore' });
  return new Promise((done, reject) => {
    child.once('spawn', () => {
      child.unref();
      done();
    });
    child.once('error', (cause) => {
      const options = { hint: `Open ${path} in a browser yourself.`, cause };
      reject(new SecpiError('cli/no-browser', `there is no ${opener} here to open the report with`, options));
    });
  });
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
