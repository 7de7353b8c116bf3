import { type ClusterJob, jobName, mebibytes } from './cluster-job.js';
import { clusterYaml } from './cluster-yaml.js';
import { preparation, runCommand } from './job-script.js';

/** What only SkyPilot asks for. */
export interface SkypilotOptions {
  /** `repository@sha256:…`, with secpi and the Python environment in it. */
  readonly image: string;
  /** Name of the SkyPilot volume where everything is kept. A bucket will not do: it knows neither hard links nor renames. */
  readonly volume: string;
  /** A machine that may be taken away. */
  readonly spot?: boolean | undefined;
}

const MOUNTED = '/secpi';
/** Where SkyPilot puts the folder that a task is started from. */
const WORKDIR = '"$HOME/sky_workdir"';
/** A stage that failed may work the next time: a server was down, a disk was full. */
const RETRIES = 3;

/** The run as a managed job of SkyPilot, to be started in the folder where \`inputs/\` lies, if there is one. */
export function skypilotTask(job: ClusterJob, { image, volume, spot }: SkypilotOptions): string {
  const { gpus, gpuKind, cpus, memory } = job.resources;
  const hasInputs = job.recipe.inputs.length > 0;
  const folder = `${MOUNTED}/${job.name}`;
  const task = {
    name: jobName(job),
    ...(hasInputs ? { workdir: '.' } : {}),
    num_nodes: 1,
    resources: {
      image_id: `docker:${image}`,
      ...(gpus === 0 ? {} : { accelerators: `${gpuKind}:${gpus}` }),
      ...(cpus === undefined ? {} : { cpus: `${cpus}+` }),
      ...(memory === undefined ? {} : { memory: `${Math.ceil(mebibytes(memory) / 1024)}+` }),
      use_spot: spot === true,
      job_recovery: { max_restarts_on_errors: RETRIES },
    },
    volumes: { [MOUNTED]: volume },
    // Nothing here: values come with \`--secret NAME\` from the environment of whoever starts it.
    ...(job.variables.length === 0 ? {} : { secrets: Object.fromEntries(job.variables.map((name) => [name, null])) }),
    run: [
      'set -eu',
      `mkdir -p ${folder}`,
      `cd ${folder}`,
      ...(hasInputs ? [`ln -sfn ${WORKDIR}/inputs inputs`] : []),
      preparation(job),
      `${runCommand(job)}\n`,
    ].join('\n'),
  };
  const comment = `\`secpi run\` of the recipe ${job.name}, written by \`secpi export skypilot\` of secpi ${job.version}.`;
  return clusterYaml([task], comment);
}
