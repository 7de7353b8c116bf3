import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/base/redact.js';
import { sandboxOn } from '../../src/cli/scoring.js';
import { targetSchema } from '../../src/compute/target.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import { openSandbox } from '../../src/sandbox/open-sandbox.js';
import { LANGUAGES, type Language, type Sandbox } from '../../src/sandbox/sandbox.js';
import { benchOf } from '../../src/suites/bench.js';
import type { Judgement } from '../../src/suites/suite.js';
import { processesWith } from '../sandbox/real-sandbox.js';
import { allTargets, hasAllTargets, type TargetMachines, targetMachines } from '../support/all-targets.js';
import { containerImage, podman } from '../support/container-image.js';
import { loadMini } from '../support/mini.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

// Each test has a time limit of its own.
const { signal } = new AbortController();

/** Reference solutions of one problem in each of these languages, scored: what an evaluation keeps of them. */
async function scored(sandbox: Sandbox, languages: readonly Language[]) {
  const mini = await loadMini();
  const scores: Partial<Record<Language, Judgement[]>> = {};
  for (const language of languages) {
    const problem = mini.problems.find((one) => one.language === language);
    if (problem === undefined) throw new Error(`mini has nothing in ${language}`);
    const of: Judgement[] = [];
    scores[language] = of;
    for (const code of [problem.secure, problem.insecure])
      of.push(await mini.judge(problem, { [problem.file.solution]: code }, benchOf(sandbox), signal));
  }
  return { level: sandbox.level, toolchains: sandbox.toolchains, scores };
}

describe.skipIf(!hasAllTargets)('one scoring', () => {
  let machines: TargetMachines;
  let folder: TemporaryFolder;
  let here: Awaited<ReturnType<typeof scored>>;

  beforeAll(async () => {
    // There Go's compiled standard library is this machine's: to compile it takes half a minute.
    const { SECPI_CACHE = join(homedir(), '.cache', 'secpi'), PATH = '' } = process.env;
    machines = await targetMachines({ PATH, SECPI_CACHE });
    folder = await temporaryFolder();
    here = await scored(await openSandbox(), LANGUAGES);
  }, 300_000);
  afterAll(async () => {
    await machines[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it.each(allTargets)('gives the same on $name', { timeout: 300_000 }, async ({ name, kind, isInside }) => {
    const mounts = ['/usr', '/etc/alternatives', dirname(dirname(process.execPath))];
    const target = targetSchema.parse({
      ...machines.specs()[kind],
      ...(isInside ? { container: { engine: 'podman', image: containerImage(), mounts } } : {}),
      ...(isInside || kind.includes('ssh') ? { node: process.execPath } : {}),
    });
    const use = { signal, onNote: () => undefined };
    const state = stateDirectory(join(folder.path, name.replaceAll('/', '-')));
    const running = async () => ({
      there: (await machines.jobsThere()).length,
      queued: machines.jobsInQueue(),
      contained: podman(['ps', '--format', '{{.Names}}']).filter((one) => one.startsWith('secpi-score-')).length,
      here: processesWith(state.root).length > 0,
    });
    const isOver = name.includes('ssh');
    const sandbox = await sandboxOn(target, use, machines.means, { state, redact: createRedactor({}) });
    await using _held = sandbox;
    // Each where it was to be, and nowhere else: all of them are this machine.
    expect(await running()).toEqual({
      there: isOver ? 1 : 0,
      queued: kind.includes('slurm') ? 1 : 0,
      contained: isInside ? 1 : 0,
      here: !isOver,
    });
    // A container has no cache of it.
    const languages = LANGUAGES.filter((language) => language !== 'go' || !isInside);
    // Nor a group of its own whose memory the kernel limits.
    const level = isInside ? { ...here.level, memory: 'watched', notes: expect.any(Array) } : here.level;
    expect(await scored(sandbox, languages)).toEqual({
      ...here,
      level,
      scores: Object.fromEntries(languages.map((language) => [language, here.scores[language]])),
    });
    await sandbox[Symbol.asyncDispose]();
    expect(await running()).toEqual({ there: 0, queued: 0, contained: 0, here: false });
  });
});
