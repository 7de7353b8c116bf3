import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkContainers } from '../../../src/cli/checks/check-containers.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** A client whose version is known, and that answers a question to its engine like this. */
async function client(name: 'docker' | 'podman', version: string, engine: string): Promise<void> {
  const script = `#!/bin/sh\n[ "$1" = --version ] && { echo "${version}"; exit 0; }\n${engine}\n`;
  await chmod(await folder.write(`bin/${name}`, script), 0o755);
}

const docker = 'Docker version 28.2.2, build e6534b4';
const noEngine = 'echo ""; echo "Cannot connect to the Docker daemon" >&2; exit 1';
const check = (variables: Readonly<Record<string, string>> = {}, timeoutSeconds?: number) =>
  checkContainers({ variables: { PATH: join(folder.path, 'bin'), ...variables } }, timeoutSeconds);

describe('doctor, about containers', () => {
  it('warns of a client without an engine, with advice', async () => {
    await client('docker', docker, noEngine);
    expect(await check()).toEqual({
      name: 'containers',
      state: 'warning',
      detail: 'docker client 28.2.2, but no engine answers',
      advice: expect.stringContaining('systemctl start docker'),
      required: false,
    });
  });

  it('does not wait for an engine that hangs', async () => {
    await client('docker', docker, 'exec /bin/sleep 1000');
    expect(await check({}, 0.1)).toMatchObject({ state: 'warning', detail: expect.stringContaining('no engine') });
  });

  it('is content with an engine that answers, and asks where the user says it is', async () => {
    await client('docker', docker, '[ "$1 $2 $DOCKER_HOST" = "version --format tcp://there" ] && echo 27.0.1');
    expect(await check({ DOCKER_HOST: 'tcp://there' })).toMatchObject({ state: 'ok', detail: 'docker 27.0.1' });
    expect(await check()).toMatchObject({ state: 'warning' });
  });

  it('knows podman, which has no engine beside it, also by the name of docker', async () => {
    const info = '[ "$1 $3" = "info {{.Version.Version}}" ] && echo 4.9.3';
    await client('docker', 'podman version 4.9.3', info);
    expect(await check()).toMatchObject({ state: 'ok', detail: 'docker 4.9.3' });
    await client('podman', 'podman version 4.9.3', info);
    await client('docker', docker, noEngine);
    const detail = 'podman 4.9.3; docker client 28.2.2, but no engine answers';
    expect(await check()).toMatchObject({ state: 'ok', detail });
  });

  it('needs neither', async () => {
    expect(await check()).toMatchObject({ state: 'missing', required: false });
  });
});
