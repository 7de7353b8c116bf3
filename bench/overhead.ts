/**
 * What it costs that a program is a job: begun once whoever is killed, its log kept, its end written down. The program is `true`, so
 * nothing else is measured. The peer of each target, in the same run and in turns, is what one would type there oneself: `sh`, `podman
 * run`, `ssh`, `sbatch`. Server and cluster are those of the tests, on this machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as z from 'zod';
import { median } from '../src/base/median.js';
import type { JobContainer, JobSpec } from '../src/compute/jobs/job.js';
import { runJob } from '../src/compute/jobs/run-job.js';
import { openPlace } from '../src/compute/open-target.js';
import { targetSchema } from '../src/compute/target.js';
import { cacheDirectory } from '../src/setup/cache-directory.js';
import { findPythonEnvironment } from '../src/setup/python-environment.js';
import { containerImage, hasPodman } from '../tests/support/container-image.js';
import { hasSlurm, slurmCluster } from '../tests/support/slurm-cluster.js';
import { hasSshServer, sshServer } from '../tests/support/ssh-server.js';
import { line, rounded, secondsOf } from './measure.js';

const ROUNDS = Number(process.argv[2] ?? 15);
/** How long whoever waits for Slurm waits between two looks at the queue. */
const POLL_MS = 50;

interface Pair {
  readonly target: string;
  readonly spec: z.input<typeof targetSchema>;
  readonly container: JobContainer | null;
  readonly peer: string;
  readonly plain: () => Promise<unknown>;
}

const python = await findPythonEnvironment(cacheDirectory(process.env));
const folder = await mkdtemp(join(tmpdir(), 'secpi-bench-overhead-'));
await using server = hasSshServer ? await sshServer() : undefined;
await using cluster = hasSlurm ? await slurmCluster() : undefined;
const variables = {
  ...process.env,
  ...(server === undefined ? {} : { SECPI_SSH_CONFIG: server.config }),
  ...(cluster === undefined ? {} : { SLURM_CONF: cluster.conf }),
};

/** What it prints. Throws unless it ends well. */
async function run(program: string, ...args: string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env: variables });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return printed;
}

async function submitAndWait(): Promise<void> {
  const id = (
    await run('sbatch', '--parsable', '--partition=low', '--output=/dev/null', '--chdir=/', '--wrap=true')
  ).trim();
  while ((await run('squeue', '--noheader', `--jobs=${id}`)) !== '') await sleep(POLL_MS);
}

const pairs: Pair[] = [
  {
    target: 'local/host',
    spec: { local: {} },
    container: null,
    peer: 'sh -c true',
    plain: () => run('sh', '-c', 'true'),
  },
];
if (hasPodman) {
  const image = containerImage();
  pairs.push({
    target: 'local/podman',
    spec: { local: {} },
    container: { engine: 'podman', image, gpus: false, mounts: ['/usr'], sandboxes: false },
    peer: 'podman run --rm IMAGE true',
    plain: () => run('podman', 'run', '--rm', '--volume=/usr:/usr:ro', image, 'true'),
  });
}
if (server !== undefined) {
  const { config, home } = server;
  pairs.push({
    target: 'ssh/host',
    spec: { ssh: { host: 'far', root: join(home, 'secpi'), python: python.python, device: 'cpu' } },
    container: null,
    peer: 'ssh HOST true',
    plain: () => run('ssh', '-F', config, '-o', 'BatchMode=yes', 'far', 'true'),
  });
}
if (cluster !== undefined) {
  pairs.push({
    target: 'slurm/host',
    spec: { slurm: { partition: 'low', device: 'cpu' } },
    container: null,
    peer: `sbatch, then squeue every ${POLL_MS} ms`,
    plain: submitAndWait,
  });
}

let count = 0;

/** From nothing to all that is known of its end. */
async function runTrue({ spec, container }: Pair): Promise<void> {
  count += 1;
  const job: JobSpec = {
    steps: [{ name: 'true', launch: 'one', argv: ['true'], env: {}, documents: {}, result: null }],
    env: { PATH: '/usr/bin:/bin' },
    inherit: [],
    inputs: {},
    outputs: [],
    graceSeconds: 5,
    container,
  };
  const { exit } = await runJob(openPlace(targetSchema.parse(spec), { python: async () => python, variables }), job, {
    key: `secpi-bench-${process.pid}-${count}`,
    folder: join(folder, String(count)),
    signal: AbortSignal.timeout(120_000),
    onEvent: () => undefined,
    onNote: () => undefined,
  });
  if (exit.outcome !== 'done') throw new Error(`a job of \`true\` ended as ${exit.outcome}`);
}

const figure = (seconds: readonly number[]): string =>
  `${rounded(median(seconds) ?? 0)} s (${rounded(Math.min(...seconds))}–${rounded(Math.max(...seconds))})`;

try {
  process.stdout.write(`A job of \`true\`, median of ${ROUNDS} runs each (fastest–slowest)\n`);
  for (const pair of pairs) {
    const seconds = { job: [] as number[], plain: [] as number[] };
    // The first brings the agent there.
    await runTrue(pair);
    await pair.plain();
    // In turns, so that a busy minute hits both.
    for (let round = 0; round < ROUNDS; round += 1) {
      seconds.plain.push(await secondsOf(pair.plain));
      seconds.job.push(await secondsOf(() => runTrue(pair)));
    }
    line(pair.peer, figure(seconds.plain), '');
    const [job, plain] = [median(seconds.job) ?? 0, median(seconds.plain) ?? 0];
    const [more, ratio] = [job - plain, job / plain];
    line(`  as a job, ${pair.target}`, figure(seconds.job), `${rounded(ratio)} ×, ${rounded(more)} s more`);
  }
  process.stdout.write(`Load of this machine: ${loadavg().map(rounded).join(' ')}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
