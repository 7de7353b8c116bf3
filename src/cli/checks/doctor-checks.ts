import * as z from 'zod';
import { messageOf } from '../../base/errors.js';
import { askProgram } from '../../base/processes/ask-program.js';
import { trainerEnvironment } from '../../compute/trainer-environment.js';
import { openSandbox } from '../../sandbox/open-sandbox.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { selfTest } from '../../sandbox/self-test.js';
import { findPythonEnvironment, hasNvidiaGpu } from '../../setup/python-environment.js';
import { checkSystemPackages } from '../../setup/system-packages.js';
import type { CliEnvironment } from '../environment.js';
import { isNewEnough } from '../node-version.js';
import { bytes } from '../views/format.js';
import type { Check } from './check.js';
import { checkContainers } from './check-containers.js';
import { checkFolders } from './check-folders.js';
import { judgeSandbox, noSandbox } from './sandbox-checks.js';

/** One socket for each question in flight, besides everything else. */
const FILES_WANTED = 4096;

/** Everything that can be said about this machine without a recipe. Writes nothing, asks no network. */
export async function checkMachine(environment: CliEnvironment, signal: AbortSignal): Promise<readonly Check[]> {
  const groups = await Promise.all([
    checkNode(),
    checkPython(environment),
    checkSandbox(environment, signal),
    checkContainers(environment),
    checkGpu(environment),
    checkFolders(environment),
    checkOpenFiles(environment),
    checkHubToken(environment),
  ]);
  return groups.flat();
}

function checkNode(): readonly Check[] {
  const detail = process.versions.node;
  if (isNewEnough(detail)) return [{ name: 'Node', state: 'ok', detail, required: true }];
  return [{ name: 'Node', state: 'missing', detail, advice: 'Install Node 20.19 or newer.', required: true }];
}

const factsSchema = z.object({
  python: z.string(),
  cores: z.number(),
  memory_bytes: z.number(),
  tools: z.record(z.string(), z.string().nullable()),
  missing: z.array(z.string()),
  torch: z.object({ version: z.string(), cuda: z.string().nullable() }).nullable(),
});

async function checkPython({ cache, variables }: CliEnvironment): Promise<readonly Check[]> {
  const required = true;
  const advice = 'Run `npx secpi setup` (or `npm run setup` in a clone); it takes a few minutes, once.';
  let python: Awaited<ReturnType<typeof findPythonEnvironment>>;
  try {
    python = await findPythonEnvironment(cache);
  } catch (error) {
    return [{ name: 'Python', state: 'missing', detail: messageOf(error), advice, required }];
  }
  const argv = [python.python, '-m', 'secpi_trainers', 'doctor'];
  const text = await askProgram(argv, trainerEnvironment(python.python, variables, 1), 120);
  const facts = factsSchema.safeParse(text === null ? undefined : parsed(text));
  if (!facts.success) {
    const detail = `the environment in ${python.folder} does not answer`;
    return [{ name: 'Python', state: 'missing', detail, advice: `Delete that folder, then: ${advice}`, required }];
  }
  const { tools, missing, torch, cores, memory_bytes } = facts.data;
  const versions = Object.entries(tools).flatMap(([name, version]) =>
    version === null || name === 'python' ? [] : [`${name} ${version}`],
  );
  const packages: Check =
    missing.length === 0
      ? { name: 'Python packages', state: 'ok', detail: versions.join(', '), required }
      : {
          name: 'Python packages',
          state: 'missing',
          detail: `not there: ${missing.join(', ')}`,
          advice: `Delete ${python.folder}, then: ${advice}`,
          required,
        };
  const cuda = torch?.cuda ? `CUDA ${torch.cuda}` : 'computes on the CPU';
  return [
    { name: 'Python', state: 'ok', detail: `${facts.data.python} (${cuda}) in ${python.folder}`, required },
    packages,
    { name: 'cores, memory', state: 'ok', detail: `${cores} cores, ${bytes(memory_bytes)}`, required: false },
  ];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function checkSandbox(environment: CliEnvironment, signal: AbortSignal): Promise<readonly Check[]> {
  let sandbox: Sandbox;
  try {
    sandbox = await openSandbox({ cacheFolder: environment.cache });
  } catch (error) {
    signal.throwIfAborted();
    return [noSandbox(error)];
  }
  const { installCommand } = await checkSystemPackages(environment.variables);
  // Without a language its problems are left out of the suites: that is counted and named, so it is no error.
  const missing = {
    detail: 'its problems are left out, and counted as not checked',
    advice: installCommand,
  };
  return judgeSandbox(sandbox, await selfTest(sandbox, signal), missing);
}

async function checkGpu({ variables }: CliEnvironment): Promise<readonly Check[]> {
  const none: Check = {
    name: 'GPU',
    state: 'missing',
    detail: 'no NVIDIA GPU: training runs on the CPU, which is enough for the quickstart and little more',
    required: false,
  };
  if (!hasNvidiaGpu()) return [none];
  const argv = ['nvidia-smi', '--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
  const answer = await askProgram(argv, { PATH: variables.PATH ?? '/usr/bin:/bin' });
  if (answer !== null && answer !== '') {
    return [{ name: 'GPU', state: 'ok', detail: answer.split('\n').join('; '), required: false }];
  }
  const detail = 'a driver is loaded, but nvidia-smi does not answer';
  return [{ name: 'GPU', state: 'warning', detail, advice: 'Check that `nvidia-smi` works.', required: false }];
}

async function checkOpenFiles({ variables }: CliEnvironment): Promise<readonly Check[]> {
  // Node has raised its own limit as far as it may; a child sees what came of it.
  const answer = await askProgram(['sh', '-c', 'ulimit -n'], { PATH: variables.PATH ?? '/usr/bin:/bin' });
  const limit = answer === 'unlimited' ? Number.POSITIVE_INFINITY : Number(answer ?? Number.NaN);
  const name = 'open files';
  if (limit >= FILES_WANTED) return [{ name, state: 'ok', detail: `ulimit -n is ${answer}`, required: false }];
  const advice = `Run \`ulimit -n ${FILES_WANTED}\` first, or keep \`concurrency.max\` of the models low.`;
  const detail = Number.isNaN(limit)
    ? 'the limit cannot be read'
    : `ulimit -n is ${answer}: few questions can be in flight at once`;
  return [{ name, state: 'warning', detail, advice, required: false }];
}

function checkHubToken({ variables }: CliEnvironment): readonly Check[] {
  const name = 'Hub token';
  const token = variables.HF_TOKEN;
  if (token === undefined || token === '') {
    const detail = 'HF_TOKEN is not set: public models and datasets can be read, nothing can be published to the Hub';
    const advice = 'To publish, make a token with write access in your Hugging Face settings and export HF_TOKEN.';
    return [{ name, state: 'missing', detail, advice, required: false }];
  }
  if (token.startsWith('hf_')) return [{ name, state: 'ok', detail: 'HF_TOKEN is set', required: false }];
  const detail = 'HF_TOKEN is set but does not begin with hf_, as every token does';
  return [
    { name, state: 'warning', detail, advice: 'Copy it again from your Hugging Face settings.', required: false },
  ];
}
