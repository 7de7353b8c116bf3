import { type ClusterJob, GRACE_SECONDS, jobName, mebibytes } from './cluster-job.js';
import { preparation, runCommand } from './job-script.js';

/** What only Slurm asks for. */
export interface SlurmOptions {
  /** Time limit of one stretch. At its end the run stops where it can be resumed, and the job is queued again. */
  readonly hours?: number | undefined;
  /** Options of sbatch as the site wants them, e.g. `--account=vision`. Taken as they are. */
  readonly sbatch: readonly string[];
  /** Lines of shell that come first, e.g. `module load nodejs`. Taken as they are. */
  readonly before: readonly string[];
}

/** Slurm sends the signal up to a minute early, and looks at its limits once a minute. */
const SIGNAL_SECONDS = GRACE_SECONDS + 60;

/** More often than that nothing gets on, or somebody should look. */
const MAXIMUM_RESTARTS = 100;

/** The batch script of a run, to be submitted in the folder where `inputs/` and `secrets/` lie and all results shall. */
export function slurmScript(job: ClusterJob, { hours, sbatch, before }: SlurmOptions): string {
  const { gpus, gpuKind, cpus, memory } = job.resources;
  const options = [
    `--job-name=${jobName(job)}`,
    '--nodes=1',
    '--ntasks=1',
    ...(gpus === 0 ? [] : [`--gres=gpu:${gpuKind === undefined ? '' : `${gpuKind}:`}${gpus}`]),
    ...(cpus === undefined ? [] : [`--cpus-per-task=${cpus}`]),
    ...(memory === undefined ? [] : [`--mem=${mebibytes(memory)}M`]),
    ...(hours === undefined ? [] : [`--time=${Math.ceil(hours * 60)}`]),
    `--signal=B:USR2@${SIGNAL_SECONDS}`,
    '--requeue',
    '--open-mode=append',
    '--output=%x-%j.log',
    // Else everything that was set in the shell that submits would be kept in the controller's files, secrets too.
    '--export=NONE',
    ...sbatch,
  ];
  return [
    '#!/bin/bash',
    ...options.map((option) => `#SBATCH ${headerWord(option)}`),
    `# \`secpi run\` of the recipe ${job.name}, written by \`secpi export slurm\` of secpi ${job.version}.`,
    'set -eu',
    ...before,
    ...(job.variables.length === 0 ? [] : [CHECK_SECRETS]),
    preparation(job, 'secrets'),
    RUN.replace('RUN_COMMAND', () => runCommand(job)),
  ].join('\n');
}

/** One option as sbatch reads it from a script: blanks part options there, unless quoted. */
function headerWord(option: string): string {
  return /^[\w@%+=:,./-]+$/.test(option) ? option : `"${option.replaceAll(/["\\]/g, '\\$&')}"`;
}

const CHECK_SECRETS = `if [ -n "$(find secrets -perm /077 2>/dev/null)" ]; then
  echo 'secpi job: others may read secrets/: chmod -R go= secrets' >&2
  exit 2
fi`;

/**
 * USR2 comes to this shell alone, in time before the limit, and before pre-emption where `preempt_send_user_signal` is set: secpi is told,
 * and the job queues itself again. TERM (scancel, pre-emption) comes to every process of the job, and a second one would end secpi where it
 * stands, so it is not handed on; whether the job is cancelled or queued again then is Slurm's business.
 */
const RUN = `told=
child=
trap 'told=USR2; kill -TERM "$child" 2>/dev/null || true' USR2
trap 'told=TERM' TERM
RUN_COMMAND &
child=$!
[ -z "$told" ] || kill -TERM "$child"
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do
  code=0
  wait "$child" || code=$?
done

if [ "$code" = 143 ] && [ "$told" = USR2 ] && [ "\${SLURM_RESTART_COUNT:-0}" -lt ${MAXIMUM_RESTARTS} ]; then
  echo 'secpi job: the time is up, and the job is queued again'
  scontrol requeue "$SLURM_JOB_ID" && sleep 600
fi
if [ "$code" != 143 ]; then rm -rf secrets; fi
exit "$code"
`;
