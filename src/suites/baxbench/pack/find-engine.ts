import { existsSync } from 'node:fs';
import { SecpiError } from '../../../base/errors.js';
import { answerOf, type SetUpContext } from '../../../setup/set-up-step.js';
import type { Engine } from '../driver.js';

/** Of the user's environment the driver sees these: what engines and Python look at. */
const SEEN = [
  'PATH',
  'HOME',
  'XDG_RUNTIME_DIR',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'CONTAINERS_CONF',
  'TMPDIR',
] as const;

const DOCKER = '/var/run/docker.sock';

/** An engine, and how the driver is started so that it may look into its containers' networks. */
export interface FoundEngine {
  readonly engine: Engine;
  readonly version: string;
  readonly env: Readonly<Record<string, string>>;
  /** Before the Python that runs the driver. */
  readonly prefix: readonly string[];
}

/**
 * The engine that `DOCKER_HOST` names; else podman; else Docker.
 * @throws SecpiError `suites/baxbench-needs`
 */
export async function findEngine(context: SetUpContext): Promise<FoundEngine> {
  const { environment } = context;
  const env = Object.fromEntries(
    SEEN.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])),
  );
  const root = process.getuid?.() === 0;
  const named = environment.DOCKER_HOST;
  const podman =
    named === undefined ? (await answerOf(['/bin/sh', '-c', 'command -v podman'], context))?.trim() : undefined;
  if (podman !== undefined && podman !== '') {
    const version = (await answerOf([podman, '--version'], context))?.trim() ?? 'podman';
    // As an ordinary user the networks of containers belong to a namespace of podman's.
    return { engine: { podman }, version, env, prefix: root ? [] : [podman, 'unshare'] };
  }
  const socket = named ?? (existsSync(DOCKER) ? `unix://${DOCKER}` : undefined);
  if (socket?.startsWith('unix://') === true && root) return { engine: { socket }, version: socket, env, prefix: [] };
  const why = socket === undefined ? 'there is neither' : `${socket} needs root, and to be on this machine`;
  throw new SecpiError('suites/baxbench-needs', `BaxBench needs podman, or Docker as root: ${why}`, {
    hint: 'On Debian and Ubuntu: apt-get install -y podman crun',
  });
}
