import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/base/package-root.js';
import { hasMeans } from './means.js';

/** What starts one: the tests of the agent use it too. */
const program = join(packageRoot, 'agent', 'tests', 'slurm_cluster.py');

const asked = 'import slurm_cluster, sys; sys.exit(0 if slurm_cluster.HAS_SLURM else 3)';
/** Whether a cluster can be started here. */
export const hasSlurm = hasMeans(
  spawnSync('python3', ['-c', asked], {
    cwd: join(packageRoot, 'agent', 'tests'),
    stdio: ['ignore', 'ignore', 'inherit'],
  }).status === 0,
  'Slurm cannot be started here (slurm-wlm, munge; as root)',
);

/** A real controller and two nodes on this machine. */
export interface SlurmCluster extends AsyncDisposable {
  /** For `SLURM_CONF`. */
  readonly conf: string;
  /** Runs one of Slurm's programs; rejects with what it said when it fails. */
  command(program: string, args: readonly string[], cwd: string): Promise<Said>;
}

interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

const execute = promisify(execFile);

export async function slurmCluster(): Promise<SlurmCluster> {
  const running = spawn('python3', [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(running, 'exit');
  const [conf] = await Promise.race([
    once(createInterface({ input: running.stdout }), 'line'),
    exited.then(([code]) => Promise.reject(new Error(`no cluster has come up (${code})`))),
  ]);
  // Nothing else of this environment: what sbatch is started with may reach the job.
  const env = { PATH: process.env.PATH, SLURM_CONF: String(conf) };
  return {
    conf: String(conf),
    command: (program, args, cwd) => execute(program, args, { cwd, env }),
    async [Symbol.asyncDispose]() {
      running.stdin.end();
      await exited;
    },
  };
}
