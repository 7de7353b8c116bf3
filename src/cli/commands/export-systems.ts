import { SecpiError } from '../../base/errors.js';
import { type ClusterJob, jobName } from '../../export/cluster-job.js';
import { quoted } from '../../export/job-script.js';
import { type KubernetesOptions, kubernetesFilesPod, kubernetesManifest } from '../../export/kubernetes.js';
import { type SkypilotOptions, skypilotTask } from '../../export/skypilot.js';
import { type SlurmOptions, slurmScript } from '../../export/slurm.js';
import type { CliEnvironment } from '../environment.js';
import { type ExportedFiles, type ExportOptions, exportCommand } from './export.js';

/** The systems that a run can be exported to: which files each is given, and what its user types then. */
export function exportSlurm(path: string, options: ExportOptions & SlurmOptions, environment: CliEnvironment) {
  return exportCommand(path, options, environment, (job) => slurmFiles(job, options), { sweeps: true });
}

export function exportKubernetes(
  path: string,
  options: ExportOptions & KubernetesOptions,
  environment: CliEnvironment,
) {
  return exportCommand(path, options, environment, (job) => kubernetesFiles(job, options));
}

export function exportSkypilot(path: string, options: ExportOptions & SkypilotOptions, environment: CliEnvironment) {
  return exportCommand(path, options, environment, (job) => skypilotFiles(job, options));
}

function slurmFiles(job: ClusterJob, options: ExportOptions & SlurmOptions): ExportedFiles {
  const { members } = job;
  if (members.length === 0 && options.atOnce !== undefined) {
    throw new SecpiError('export/one-run', 'the recipe is one run, and --at-once is for several', {
      hint: 'Leave it out, or give the recipe a `matrix`.',
      exitCode: 2,
    });
  }
  return {
    files: { 'job.sbatch': slurmScript(job, options) },
    next: [
      'in that folder, on a disk that the nodes share:',
      ...(job.variables.length === 0 ? [] : ['mkdir -m 700 secrets']),
      ...job.variables.map((name) => `(umask 077; printenv ${name} > secrets/${name})`),
      'sbatch job.sbatch',
      ...(members.length === 0 ? [] : tableOf(job, options)),
    ],
  };
}

/** How to see what became of the members. */
function tableOf({ members, secpi }: ClusterJob, { member: named }: ExportOptions): readonly string[] {
  const program = /^[\w@%+=:,./-]+$/.test(secpi) ? secpi : quoted(secpi);
  const chosen = named.length === 0 ? '' : members.map((member) => ` --member=${quoted(member)}`).join('');
  return [
    `${program} runs    # what each of the ${members.length} members does`,
    `${program} run recipe.yaml${chosen}    # when all are done: their table; nothing is made again`,
  ];
}

function kubernetesFiles(job: ClusterJob, options: KubernetesOptions): ExportedFiles {
  const name = jobName(job);
  const hasInputs = job.recipe.inputs.length > 0;
  const values = job.variables.map((variable) => `--from-file=${variable}=<(printenv ${variable})`);
  return {
    files: {
      'job.yaml': kubernetesManifest(job, options),
      ...(hasInputs ? { 'files.yaml': kubernetesFilesPod(job, options) } : {}),
    },
    next: [
      'in that folder:',
      ...(values.length === 0 ? [] : [`kubectl create secret generic ${name} ${values.join(' ')}`]),
      ...(hasInputs
        ? [
            'kubectl apply -f files.yaml',
            `kubectl wait --for=condition=Ready pod/${name}-files --timeout=10m`,
            `kubectl cp inputs ${name}-files:/secpi/${job.name}`,
            'kubectl delete -f files.yaml',
          ]
        : []),
      'kubectl apply -f job.yaml',
      `kubectl logs -f job/${name}`,
    ],
  };
}

function skypilotFiles(job: ClusterJob, options: SkypilotOptions): ExportedFiles {
  if (job.resources.gpus > 0 && job.resources.gpuKind === undefined) {
    throw new SecpiError('export/no-gpu-kind', 'SkyPilot has to be told which GPU', {
      hint: 'Give one as it calls them, such as `--gpu-kind H100` (`sky show-gpus` lists them), or `--gpus 0`.',
      exitCode: 2,
    });
  }
  const secrets = job.variables.map((name) => ` --secret ${name}`).join('');
  return {
    files: { 'job.yaml': skypilotTask(job, options) },
    next: ['in that folder:', `sky jobs launch${secrets} job.yaml`],
  };
}
