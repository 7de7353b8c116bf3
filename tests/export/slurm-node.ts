import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const run = promisify(execFile);
const programs = ['/usr/sbin/slurmctld', '/usr/sbin/slurmd', '/usr/bin/sbatch'];

/** Whether Slurm can be started here. Where tests have to run, its absence is an error. */
export const hasSlurm = process.getuid?.() === 0 && programs.every((program) => existsSync(program));
if (!hasSlurm && process.env.CI === 'true') throw new Error('there is no Slurm: install slurm-wlm and run as root');
if (!hasSlurm) process.stderr.write('SKIPPED: jobs of a real Slurm, because it is not here (slurm-wlm, as root).\n');

/** A controller and a node on this machine, with ports, files and processes of their own. */
export interface SlurmNode extends AsyncDisposable {
  /** Runs one of Slurm's programs; rejects with what it said when it fails. */
  command(
    program: string,
    args: readonly string[],
    cwd: string,
  ): Promise<{ readonly stdout: string; readonly stderr: string }>;
}

/** Starts them. The node has two GPUs of the kind H100 and 16 CPUs, as far as Slurm is told. */
export async function slurmNode(): Promise<SlurmNode> {
  const folder = await temporaryFolder();
  const file = (name: string) => join(folder.path, name);
  const host = hostname().split('.')[0] ?? '';
  const [controllerPort, nodePort] = [await freePort(), await freePort()];
  await folder.write('state/empty', '');
  await folder.write('spool/empty', '');
  await folder.write('gres.conf', 'Name=gpu Type=H100 File=/dev/null,/dev/zero\n');
  const configuration = await folder.write(
    'slurm.conf',
    `ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
StateSaveLocation=${file('state')}
SlurmdSpoolDir=${file('spool')}
SlurmctldPidFile=${file('controller.pid')}
SlurmdPidFile=${file('node.pid')}
SlurmctldLogFile=${file('controller.log')}
SlurmdLogFile=${file('node.log')}
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1
GresTypes=gpu
NodeName=${host} NodeAddr=127.0.0.1 Port=${nodePort} CPUs=16 RealMemory=200000 Gres=gpu:H100:2 State=UNKNOWN
PartitionName=all Nodes=${host} Default=YES MaxTime=INFINITE State=UP
`,
  );
  const env = { PATH: process.env.PATH, SLURM_CONF: configuration };
  const command: SlurmNode['command'] = (program, args, cwd) => run(program, args, { cwd, env });
  await command('slurmctld', ['-c'], folder.path);
  await command('slurmd', ['-c'], folder.path);
  const isUp = async () => {
    const { stdout } = await command('sinfo', ['-h', '-o', '%T'], folder.path).catch(() => ({ stdout: '' }));
    return stdout.trim() === 'idle';
  };
  while (!(await isUp())) await sleep(100);
  return {
    command,
    async [Symbol.asyncDispose]() {
      for (const name of ['node.pid', 'controller.pid']) {
        const pid = Number(await readFile(file(name), 'utf8'));
        process.kill(pid);
        while (existsSync(`/proc/${pid}`)) await sleep(50);
      }
      await folder[Symbol.asyncDispose]();
    },
  };
}
