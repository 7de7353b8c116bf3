import { type ClusterJob, GRACE_SECONDS, jobName, mebibytes } from './cluster-job.js';
import { preparation, quoted, runCommand } from './job-script.js';

/** What only Slurm asks for. */
export interface SlurmOptions {
  /** Time limit of one stretch. At its end the run stops where it can be resumed, and the job is queued again. */
  readonly hours?: number | undefined;
  /** How many members run at once; left out, as many as the cluster has room for. */
  readonly atOnce?: number | undefined;
  /** Options of sbatch as the site wants them, e.g. `--account=vision`. Taken as they are. */
  readonly sbatch: readonly string[];
  /** Lines of shell that come first, e.g. `module load nodejs`. Taken as they are. */
  readonly before: readonly string[];
}

/** Slurm sends the signal up to a minute early, and looks at its limits once a minute. */
const SIGNAL_SECONDS = GRACE_SECONDS + 60;

/** More often than that nothing gets on, or somebody should look. */
const MAXIMUM_RESTARTS = 100;

/**
 * The batch script of a run, to be submitted in the folder where `inputs/` and `secrets/` lie and all results shall. Of several members it is
 * an array: each task runs one of them, and all share that folder.
 */
export function slurmScript(job: ClusterJob, { hours, atOnce, sbatch, before }: SlurmOptions): string {
  const { members, variables } = job;
  const isArray = members.length > 0;
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
    ...(isArray ? [`--array=0-${members.length - 1}${atOnce === undefined ? '' : `%${atOnce}`}`] : []),
    `--output=%x-${isArray ? '%A_%a' : '%j'}.log`,
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
    ...(variables.length === 0 ? [] : [CHECK_SECRETS, ...(isArray ? [NOT_ENDED] : [])]),
    preparation(job, { values: 'secrets', ...(isArray ? { own: '.$SLURM_JOB_ID' } : {}) }),
    // Last, since what was read before may be called the same.
    ...(isArray ? [chooseMember(members)] : []),
    run(runCommand(job), isArray ? ELEMENT : '"$SLURM_JOB_ID"'),
    ...(isArray && variables.length === 0
      ? []
      : [`if [ "$code" != 143 ]; then ${isArray ? 'ended' : 'rm -rf secrets'}; fi`]),
    'exit "$code"\n',
  ].join('\n');
}

/** Names of members are words of a recipe, and no shell. */
function chooseMember(members: readonly string[]): string {
  return [
    'case "${SLURM_ARRAY_TASK_ID:-}" in',
    ...members.map((member, index) => `  ${index}) member=${quoted(member)} ;;`),
    `  *) echo 'secpi job: no member of the recipe has this number' >&2; exit 2 ;;`,
    'esac',
    `printf 'member %s\\n' "$member"`,
  ].join('\n');
}

/** One option as sbatch reads it from a script: blanks part options there, unless quoted. */
function headerWord(option: string): string {
  return /^[\w@%+=:,./-]+$/.test(option) ? option : `"${option.replaceAll(/["\\]/g, '\\$&')}"`;
}

/**
 * One task of an array. Not by `SLURM_JOB_ID`, although that is a job of its own: the id of the last one is also that of the array, and means
 * all of them.
 */
const ELEMENT = '"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"';

const CHECK_SECRETS = `if [ -n "$(find secrets -perm /077 2>/dev/null)" ]; then
  echo 'secpi job: others may read secrets/: chmod -R go= secrets' >&2
  exit 2
fi`;

/**
 * The secrets are those of all tasks: the last one to end deletes them. Each leaves a mark, of this submission only, and counts afterwards; so
 * the last mark is seen by whoever made it, also where others' files are seen late. One that is started again has not ended.
 */
const NOT_ENDED = `rm -f "secrets/.ended-$SLURM_ARRAY_JOB_ID/$SLURM_ARRAY_TASK_ID"
ended() {
  marks="secrets/.ended-$SLURM_ARRAY_JOB_ID"
  (umask 077; mkdir -p "$marks"; : > "$marks/$SLURM_ARRAY_TASK_ID") || true
  if [ "$(ls "$marks" 2>/dev/null | wc -l)" -ge "$SLURM_ARRAY_TASK_COUNT" ]; then rm -rf secrets; fi
}`;

/**
 * USR2 comes to this shell alone, in time before the limit, and before pre-emption where `preempt_send_user_signal` is set: secpi is told,
 * and the job queues itself again. TERM (scancel, pre-emption) comes to every process of the job, and a second one would end secpi where it
 * stands, so it is not handed on; whether the job is cancelled or queued again then is Slurm's business.
 */
function run(command: string, job: string): string {
  return `told=
child=
trap 'told=USR2; kill -TERM "$child" 2>/dev/null || true' USR2
trap 'told=TERM' TERM
${command} &
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
  scontrol requeue ${job} && sleep 600
fi`;
}
