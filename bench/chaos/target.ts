import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { containerImage } from '../../tests/support/container-image.js';
import type { JobPlace } from '../../tests/support/counted-job.js';
import { slurmCluster } from '../../tests/support/slurm-cluster.js';
import { sshServer } from '../../tests/support/ssh-server.js';
import { keyOf } from './chaos-job.js';

const run = promisify(execFile);

/** A daemon that can die, and be started again. */
interface Daemon {
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** A kind of place with a kind of runtime, with daemons that nobody else uses. */
export interface ChaosTarget extends AsyncDisposable {
  readonly name: string;
  readonly place: JobPlace;
  readonly image: string | undefined;
  /** Where a job lies. */
  folderOf(trial: string): string;
  readonly daemons: Readonly<Record<string, Daemon>>;
  /** Folders in which no secret is to be found, at any time. */
  readonly spools: readonly string[];
  /** Its jobs that the queue has not done with. */
  queued(key: string): Promise<readonly string[]>;
}

const here = (trial: string): string => join(trial, 'home', 'job');
const nothing = { daemons: {}, spools: [], queued: async () => [] } as const;

/** Each is set up by itself. */
export const targets: Readonly<Record<string, () => Promise<ChaosTarget>>> = Object.fromEntries(
  [undefined, 'podman'].flatMap((engine) => {
    const runtime = engine ?? 'host';
    const image = async () => (engine === undefined ? undefined : containerImage());
    return [
      [`local/${runtime}`, async () => local(`local/${runtime}`, await image())],
      [`ssh/${runtime}`, async () => ssh(`ssh/${runtime}`, await image())],
      [`slurm/${runtime}`, async () => slurm(`slurm/${runtime}`, await image())],
    ];
  }),
);

async function local(name: string, image: string | undefined): Promise<ChaosTarget> {
  return { ...nothing, name, image, place: 'attached', folderOf: here, [Symbol.asyncDispose]: async () => undefined };
}

async function ssh(name: string, image: string | undefined): Promise<ChaosTarget> {
  const server = await sshServer();
  const root = join(server.home, 'secpi');
  return {
    ...nothing,
    name,
    image,
    place: { config: server.config, root },
    folderOf: (trial) => join(root, 'jobs', keyOf(trial)),
    daemons: { sshd: server },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function slurm(name: string, image: string | undefined): Promise<ChaosTarget> {
  const cluster = await slurmCluster();
  const folder = dirname(cluster.conf);
  const env = { ...process.env, SLURM_CONF: cluster.conf, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
  const daemon = (argv: readonly string[], pidFiles: readonly string[], perNode: boolean): Daemon => ({
    async kill() {
      for (const file of pidFiles) {
        try {
          process.kill(Number(readFileSync(join(folder, file), 'utf8')), 'SIGKILL');
        } catch {
          // It has not come up yet.
        }
      }
    },
    async start() {
      const [program = '', ...rest] = argv;
      for (const node of perNode ? ['n1', 'n2'] : [undefined]) {
        const child = spawn(program, [...rest, ...(node === undefined ? [] : ['-N', node])], { env, stdio: 'ignore' });
        await new Promise((resolve) => child.once('exit', resolve));
      }
      await sleep(1000);
      // As an administrator does: a node is drained that is told to begin what it has begun already, by a controller that has forgotten it.
      await run('scontrol', ['update', 'NodeName=n1,n2', 'State=resume'], { env }).catch(() => undefined);
    },
  });
  return {
    name,
    image,
    place: { slurm: cluster.conf },
    folderOf: here,
    daemons: {
      slurmctld: daemon(['slurmctld'], ['slurmctld.pid'], false),
      slurmd: daemon(['slurmd'], ['slurmd-n1.pid', 'slurmd-n2.pid'], true),
    },
    spools: [folder],
    async queued(key) {
      const options = ['--noheader', '--states=pending,running,completing,suspended', '--format=%j %T %A'];
      const { stdout } = await run('squeue', options, { env });
      const jobs = stdout.split('\n').filter((line) => line.startsWith(`${key}-`));
      for (const [, , id] of jobs.map((line) => line.split(' '))) {
        // A controller that has forgotten what it had begun puts it back, to wait for two minutes. Let it see now that there is nothing to do.
        await run('scontrol', ['update', `JobId=${id}`, 'StartTime=now'], { env }).catch(() => undefined);
      }
      return jobs;
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}
