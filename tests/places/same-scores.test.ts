import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/base/redact.js';
import { sandboxOn } from '../../src/cli/scoring.js';
import { targetSchema } from '../../src/compute/target.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import { openSandbox } from '../../src/sandbox/open-sandbox.js';
import { LANGUAGES, type Language, type Sandbox } from '../../src/sandbox/sandbox.js';
import { loadMini } from '../../src/suites/mini/mini.js';
import type { Score } from '../../src/suites/suite.js';
import { containerImage, hasPodman } from '../support/container-image.js';
import { pythonForTests } from '../support/python.js';
import { hasSlurm, type SlurmCluster, slurmCluster } from '../support/slurm-cluster.js';
import { hasSshServer, type SshServer, sshServer } from '../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const signal = AbortSignal.timeout(900_000);

/** Reference solutions of one problem in each of these languages, scored: what an evaluation keeps of them. */
async function scored(sandbox: Sandbox, languages: readonly Language[]) {
  const mini = await loadMini();
  const scores: Partial<Record<Language, Score[]>> = {};
  for (const language of languages) {
    const problem = mini.problems.find((one) => one.language === language);
    if (problem === undefined) throw new Error(`mini has nothing in ${language}`);
    const of: Score[] = [];
    scores[language] = of;
    for (const code of [problem.secure, problem.insecure])
      of.push(await mini.score(problem, `\`\`\`${language}\n${code}\n\`\`\``, sandbox, signal));
  }
  return { level: sandbox.level, toolchains: sandbox.toolchains, scores };
}

describe.skipIf(!hasSlurm || !hasPodman || !hasSshServer || pythonForTests === undefined)('one scoring', () => {
  let cluster: SlurmCluster;
  let server: SshServer;
  let folder: TemporaryFolder;
  let here: Awaited<ReturnType<typeof scored>>;
  const python = pythonForTests ?? { python: '', folder: '' };

  beforeAll(async () => {
    cluster = await slurmCluster();
    // There Go's compiled standard library is this machine's: to compile it takes half a minute.
    const { SECPI_CACHE = join(homedir(), '.cache', 'secpi'), PATH = '' } = process.env;
    server = await sshServer({ variables: { SLURM_CONF: cluster.conf, PATH, SECPI_CACHE } });
    folder = await temporaryFolder();
    here = await scored(await openSandbox(), LANGUAGES);
  }, 300_000);
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const kinds = {
    local: () => ({ local: {} }),
    ssh: () => ({ ssh: { host: 'far', root: join(server.home, 'secpi'), python: python.python } }),
    slurm: () => ({ slurm: { partition: 'low', minutes: 30 } }),
    'slurm over ssh': () => ({
      slurm: { host: 'far', root: join(server.home, 'secpi'), python: python.python, minutes: 30 },
    }),
  };

  for (const [kind, spec] of Object.entries(kinds)) {
    for (const runtime of kind === 'slurm over ssh' ? ['host'] : ['host', 'podman']) {
      it(`gives the same on ${kind}/${runtime}`, { timeout: 300_000 }, async () => {
        const image = { engine: 'podman', image: runtime === 'podman' ? containerImage() : '' };
        const mounts = ['/usr', '/etc/alternatives', dirname(dirname(process.execPath))];
        const isInside = runtime === 'podman';
        const target = targetSchema.parse({
          ...spec(),
          ...(isInside ? { container: { ...image, mounts } } : {}),
          ...(isInside || kind.includes('ssh') ? { node: process.execPath } : {}),
        });
        await using sandbox = await sandboxOn(
          target,
          { signal, onNote: () => undefined },
          {
            python: async () => python,
            variables: {
              ...process.env,
              SLURM_CONF: cluster.conf,
              SECPI_SSH_CONFIG: server.config,
              SECPI_CONTAINER_MOUNTS: '/',
            },
          },
          { state: stateDirectory(join(folder.path, `${kind}-${runtime}`)), redact: createRedactor({}) },
        );
        // A container has no cache of it.
        const languages = LANGUAGES.filter((language) => language !== 'go' || !isInside);
        expect(await scored(sandbox, languages)).toEqual({
          ...here,
          scores: Object.fromEntries(languages.map((language) => [language, here.scores[language]])),
        });
      });
    }
  }
});
