import { type ClusterJob, GRACE_SECONDS, jobName, mebibytes } from './cluster-job.js';
import { clusterYaml } from './cluster-yaml.js';
import { preparation, runCommand } from './job-script.js';

/** What only Kubernetes asks for. */
export interface KubernetesOptions {
  /** `repository@sha256:…`, with secpi and the Python environment in it. */
  readonly image: string;
  /** Name of the PersistentVolumeClaim where everything is kept. */
  readonly volume: string;
  /** The job is given up after so long, counted from its start, restarts included. */
  readonly hours?: number | undefined;
  /** Whether the container may do what the node's administrator may; else it gets what bubblewrap needs of a newer cluster. */
  readonly privileged?: boolean | undefined;
}

const MOUNTED = '/secpi';
const VALUES = '/run/secpi-values';
const SCRIPT = '/etc/secpi-job';

/** A stage that failed may work the next time: a server was down, a disk was full. */
const RETRIES = 3;

/** secpi's own user in the image. Root would be one that bubblewrap's kernel features are not meant for. */
const USER = 1000;

/**
 * The run as a Job and its script as a ConfigMap, as one file for `kubectl apply`. Keys and addresses come from a Secret of the job's name,
 * as files: what a container has in its declared environment shows up wherever containers are inspected.
 */
export function kubernetesManifest(job: ClusterJob, options: KubernetesOptions): string {
  const name = jobName(job);
  const metadata = { name, labels: { 'app.kubernetes.io/name': 'secpi', 'app.kubernetes.io/instance': name } };
  const folder = `${MOUNTED}/${job.name}`;
  const script = [
    'set -eu',
    `mkdir -p ${folder}`,
    `cd ${folder}`,
    preparation(job, { values: VALUES }),
    `exec ${runCommand(job)}\n`,
  ].join('\n');
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    immutable: true,
    data: { 'job.sh': script },
  };
  const { hours } = options;
  const manifest = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: RETRIES,
      ...(hours === undefined ? {} : { activeDeadlineSeconds: Math.ceil(hours * 3600) }),
      podFailurePolicy: {
        rules: [
          // A drained or pre-empted node is no fault of the run: another pod goes on.
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          // A wrong recipe stays wrong, and a gate that said no says it again.
          { action: 'FailJob', onExitCodes: { containerName: 'secpi', operator: 'In', values: [2, 3] } },
        ],
      },
      template: { metadata: { labels: metadata.labels }, spec: podSpec(job, options, name) },
    },
  };
  const comment = `\`secpi run\` of the recipe ${job.name}, written by \`secpi export kubernetes\` of secpi ${job.version}.`;
  return clusterYaml([configMap, manifest], comment);
}

/** A pod that does nothing but hold the volume, so that \`kubectl cp\` can bring the recipe's files. */
export function kubernetesFilesPod(job: ClusterJob, { image, volume }: KubernetesOptions): string {
  const name = `${jobName(job)}-files`;
  const folder = `${MOUNTED}/${job.name}`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: { runAsUser: USER, runAsGroup: USER, fsGroup: USER, runAsNonRoot: true },
      containers: [
        {
          name: 'files',
          image,
          command: ['/bin/sh', '-c', `mkdir -p ${folder} && exec sleep 86400`],
          volumeMounts: [{ name: 'state', mountPath: MOUNTED }],
        },
      ],
      volumes: [{ name: 'state', persistentVolumeClaim: { claimName: volume } }],
    },
  };
  return clusterYaml([pod], `Brings the files of the recipe ${job.name} onto the volume.`);
}

function podSpec(job: ClusterJob, { image, volume, privileged }: KubernetesOptions, name: string) {
  const { gpus, gpuKind, cpus, memory } = job.resources;
  const sized = {
    ...(cpus === undefined ? {} : { cpu: String(cpus) }),
    ...(memory === undefined ? {} : { memory: `${mebibytes(memory)}Mi` }),
  };
  const items = job.variables.map((variable) => ({ key: variable, path: variable }));
  const hasValues = items.length > 0;
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: GRACE_SECONDS,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // Somebody has to reap what a supervisor leaves behind; secpi as process 1 would not.
    shareProcessNamespace: true,
    ...(privileged === true ? {} : { hostUsers: false }),
    ...(gpuKind === undefined || gpus === 0 ? {} : { nodeSelector: { 'nvidia.com/gpu.product': gpuKind } }),
    securityContext: {
      runAsUser: USER,
      runAsGroup: USER,
      runAsNonRoot: true,
      fsGroup: USER,
      fsGroupChangePolicy: 'OnRootMismatch',
    },
    containers: [
      {
        name: 'secpi',
        image,
        command: ['/bin/sh', `${SCRIPT}/job.sh`],
        securityContext: privileged === true ? { privileged: true } : FOR_BUBBLEWRAP,
        resources: {
          requests: sized,
          limits: { ...sized, ...(gpus === 0 ? {} : { 'nvidia.com/gpu': String(gpus) }) },
        },
        volumeMounts: [
          { name: 'state', mountPath: MOUNTED },
          { name: 'job', mountPath: SCRIPT, readOnly: true },
          { name: 'shared-memory', mountPath: '/dev/shm' },
          ...(hasValues ? [{ name: 'values', mountPath: VALUES, readOnly: true }] : []),
        ],
      },
    ],
    volumes: [
      { name: 'state', persistentVolumeClaim: { claimName: volume } },
      { name: 'job', configMap: { name } },
      // A container's own has 64 MiB, too little for several processes that share tensors.
      { name: 'shared-memory', emptyDir: { medium: 'Memory' } },
      ...(hasValues ? [{ name: 'values', secret: { secretName: name, items, defaultMode: 0o440 } }] : []),
    ],
  };
}

/**
 * What an ordinary user's bubblewrap needs in a container: to make namespaces (no seccomp or AppArmor profile in its way) and to mount a
 * `/proc` of its own, which the kernel allows only where nothing is masked in the present one. Kubernetes unmasks it only in a user
 * namespace (`hostUsers: false`).
 */
const FOR_BUBBLEWRAP = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  procMount: 'Unmasked',
  seccompProfile: { type: 'Unconfined' },
  appArmorProfile: { type: 'Unconfined' },
};
