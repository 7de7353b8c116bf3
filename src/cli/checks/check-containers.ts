import { askProgram } from '../../base/processes/ask-program.js';
import type { CliEnvironment } from '../environment.js';
import type { Check } from './check.js';

/** What tells a client where its engine is. */
const ENGINE_VARIABLES = [
  'HOME',
  'XDG_RUNTIME_DIR',
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_CONFIG',
  'DOCKER_CERT_PATH',
  'DOCKER_TLS_VERIFY',
  'CONTAINER_HOST',
] as const;

/** An engine that is there answers at once; one that does not within this time is of no use either. */
const ENGINE_TIMEOUT_SECONDS = 5;

/** Whether containers can be run: a client alone (`docker --version`) cannot, so its engine is asked as well. */
export async function checkContainers(
  { variables }: Pick<CliEnvironment, 'variables'>,
  engineTimeoutSeconds = ENGINE_TIMEOUT_SECONDS,
): Promise<Check> {
  const env: Record<string, string> = { PATH: variables.PATH ?? '/usr/bin:/bin' };
  for (const name of ENGINE_VARIABLES) if (variables[name] !== undefined) env[name] = variables[name];
  const asked = await Promise.all(['podman', 'docker'].map((client) => askEngine(client, env, engineTimeoutSeconds)));
  const found = asked.filter((answer) => answer !== null);
  const named = { name: 'containers', required: false } as const;
  if (found.length === 0) {
    const detail = 'neither podman nor docker; nothing that runs on this machine itself needs them';
    return { ...named, state: 'missing', detail };
  }
  const detail = found.map(({ text }) => text).join('; ');
  if (found.some(({ answers }) => answers)) return { ...named, state: 'ok', detail };
  const advice =
    'Start the engine (`systemctl start docker`), or give your user access to it. Nothing that runs on this machine itself needs it.';
  return { ...named, state: 'warning', detail, advice };
}

async function askEngine(
  client: string,
  env: Readonly<Record<string, string>>,
  timeoutSeconds: number,
): Promise<{ readonly answers: boolean; readonly text: string } | null> {
  const said = await askProgram([client, '--version'], env);
  if (said === null) return null;
  // podman, also when it goes by the name of docker, is its own engine: what may not work is what `info` looks at.
  const question = /podman/i.test(said)
    ? ['info', '--format', '{{.Version.Version}}']
    : ['version', '--format', '{{.Server.Version}}'];
  const engine = await askProgram([client, ...question], env, timeoutSeconds);
  if (engine !== null && engine !== '') return { answers: true, text: `${client} ${engine}` };
  const version = /\d+(?:\.\d+)+/.exec(said)?.[0] ?? said;
  return { answers: false, text: `${client} client ${version}, but no engine answers` };
}
