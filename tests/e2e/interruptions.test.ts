import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JournalEvent } from '../../src/engine/runs/event.js';
import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { findPythonEnvironment } from '../../src/setup/python-environment.js';
import { hasSshServer, type SshServer, sshServer } from '../support/ssh-server.js';
import { finishedIn, newHome, outputsIn, processesUsing, type Started, smallRecipe, start } from './secpi-process.js';

/** Two runs of the same recipe, started together and left alone; what they made is what every other run has to make. */
let together: readonly Awaited<Started['ended']>[];
let uninterrupted: Awaited<ReturnType<typeof outputsIn>>;
let uninterruptedHome: string;

beforeAll(async () => {
  const home = await newHome();
  together = await Promise.all([start(['run', smallRecipe], home).ended, start(['run', smallRecipe], home).ended]);
  uninterrupted = await outputsIn(home);
  uninterruptedHome = home;
});

async function nothingLeft(home: string): Promise<void> {
  await expect.poll(() => processesUsing(home), { timeout: 15_000 }).toEqual([]);
}

describe('two runs of the same recipe', () => {
  it('do each stage once between them, and both end well', () => {
    const stages = together.map(({ code, stdout, stderr }) => {
      expect(code, stderr).toBe(0);
      return finishedIn(stdout).stages;
    });
    for (const [index, { stage }] of (stages[0] ?? []).entries()) {
      expect(stages.map((of) => of[index]?.outcome).sort(), stage).toEqual(['cached', 'done']);
    }
  });
});

interface Moment {
  readonly name: string;
  readonly isNow: (event: JournalEvent) => boolean;
}
const inBase: Moment = {
  name: 'in the middle of making the base model',
  isNow: (event) => event.type === 'metric' && event.stage === 'base',
};
const inTraining: Moment = {
  name: 'before the first checkpoint',
  isNow: (event) => event.type === 'metric' && event.stage === 'train',
};
const behindCheckpoint: Moment = {
  name: 'behind a checkpoint',
  isNow: (event) => event.type === 'metric' && event.stage === 'train' && event.step > 12,
};
const inEvaluation: Moment = {
  name: 'in the middle of evaluation',
  isNow: (event) => event.type === 'progress' && event.stage === 'evaluate' && event.done > 1,
};

/** Kills runs at these moments, each of which is reached by the one that goes on from the one before. */
async function kill(begin: () => Started, moments: readonly Moment[]): Promise<void> {
  for (const { name, isNow } of moments) {
    const run = begin();
    await run.said(isNow).catch((error: unknown) => {
      throw new Error(`${name}: ${error}`);
    });
    run.killGroup('SIGKILL');
    const { stderr } = await run.ended;
    expect(stderr, name).not.toMatch(/^error/m);
  }
}

/** As Ctrl-C does. */
async function interrupt(begin: () => Started, home: string, { isNow }: Moment): Promise<void> {
  const stopped = begin();
  await stopped.said(isNow);
  stopped.killGroup('SIGINT');
  const { code, stdout } = await stopped.ended;
  expect(code).toBe(130);
  expect(finishedIn(stdout).outcome).toBe('interrupted');
  await nothingLeft(home);
}

/** As somebody does who closes the laptop: the trainer goes on. */
async function leave(begin: () => Started, tellToLeave: () => Started, server: SshServer): Promise<void> {
  const left = begin();
  // Not by what it says: what the attempt before has said is said again.
  await expect.poll(() => runsOn(server), { timeout: 120_000 }).toBe(true);
  const { stdout: told } = await tellToLeave().ended;
  expect(JSON.parse(told)).toMatchObject({ state: 'detached', jobs: [{ stage: 'train', place: 'far' }] });
  const { code, stdout } = await left.ended;
  expect(code).toBe(75);
  expect(finishedIn(stdout).outcome).toBe('detached');
}

/** Whether an attempt at a job runs there. */
async function runsOn(server: SshServer): Promise<boolean> {
  const files = await readdir(join(server.home, 'secpi', 'jobs'), { recursive: true });
  const attempts = files.filter((file) => /attempts\/\d+\/owner\.json$/.test(file));
  return attempts.some((file) => !files.includes(file.replace(/owner\.json$/, 'exit.json')));
}

async function endsWell(begin: () => Started, home: string): Promise<void> {
  const { code, stdout, stderr } = await begin().ended;
  expect(code, stderr + stdout.slice(-1000)).toBe(0);
  await nothingLeft(home);
}

describe('a run that is interrupted again and again', () => {
  it('ends with the same bytes: kill -9 of its process group wherever something lasts, and Ctrl-C in training', async () => {
    const home = await newHome();
    const begin = () => start(['run', smallRecipe], home);
    await kill(begin, [inBase, inTraining]);
    await interrupt(begin, home, inTraining);
    await kill(begin, [inEvaluation]);
    await endsWell(begin, home);
    expect(await outputsIn(home)).toEqual(uninterrupted);
  });

  it.skipIf(!hasSshServer)(
    'trains, serves and scores the same bytes on a host that is reached over ssh, and leaves nothing there',
    async () => {
      await using server = await sshServer({ variables: { SECPI_CACHE: cacheDirectory(process.env) } });
      const home = await newHome();
      await cp(uninterruptedHome, home, { recursive: true });
      for (const stage of ['train', 'evaluate', 'report'])
        await rm(join(home, 'artifacts', stage), { recursive: true });
      const recipe = await doneElsewhere(server);
      const secpi = (...args: readonly string[]) => start(args, home, { SECPI_SSH_CONFIG: server.config });
      const begin = () => secpi('run', recipe);
      await kill(begin, [inTraining]);
      await interrupt(begin, home, behindCheckpoint);
      await leave(begin, () => secpi('leave'), server);
      // In a process of its own again, whose words come from the first on.
      await endsWell(() => secpi('attach'), home);
      // The report tells the evaluation's fingerprint, which is another one: which compilers are there is not known beforehand.
      const { report: _there, ...made } = await outputsIn(home);
      const { report: _here, ...expected } = uninterrupted;
      expect(made).toEqual(expected);
      expect(await readdir(join(server.home, 'secpi', 'jobs'))).toEqual([]);
    },
  );
});

/** The same recipe, with all that computes on that host. */
async function doneElsewhere(server: SshServer): Promise<string> {
  const { python } = await findPythonEnvironment(cacheDirectory(process.env));
  const ssh = { host: 'far', root: join(server.home, 'secpi'), python, device: 'cpu' };
  const recipe = {
    extends: smallRecipe,
    compute: { here: { local: {} }, far: { ssh, node: process.execPath } },
    train: { on: 'far' },
    evaluate: { on: 'far', score_on: 'far' },
  };
  const path = join(server.home, 'small-far.yaml');
  // JSON is YAML.
  await writeFile(path, JSON.stringify(recipe));
  return path;
}
