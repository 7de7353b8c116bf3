import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import { freshProcessOwner, pretendMac } from './other-system.js';

/** `ioreg -rd1 -c IOPlatformExpertDevice`, shortened. */
const IOREG = `+-o J314sAP  <class IOPlatformExpertDevice, id 0x100000227, registered, matched, active, busy 0, retain 41>
    {
      "manufacturer" = <"Apple Inc.">
      "IOPlatformSerialNumber" = "C02XG0FDH7JY"
      "IOPlatformUUID" = "8A4C1F52-6E0B-5C3D-9F7A-2B1D0E9C8A7F"
      "model" = <"MacBookPro18,3">
    }
`;
const STARTED = 'Tue Nov 25 18:20:11 2025';

let programs: TemporaryFolder;
beforeEach(async () => {
  programs = await temporaryFolder();
  vi.stubEnv('PATH', `${programs.path}:/usr/bin:/bin`);
  await program('sysctl -n kern.bootsessionuuid', '5D7E3B9C-0A1F-4E62-8C55-D3A9B7F1E204\n');
  await program('ioreg -rd1 -c IOPlatformExpertDevice', IOREG);
  await program(psOf(process.pid), `Ss+  ${STARTED}    \n`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await programs[Symbol.asyncDispose]();
});

const psOf = (pid: number): string => `ps -o stat= -o lstart= -p ${pid}`;

/** A program of macOS that prints this if it is asked exactly so, in the neutral locale and in UTC. */
async function program(command: string, output: string, exitCode = 0): Promise<void> {
  const [name = ''] = command.split(' ');
  const path = await programs.write(
    name,
    `#!/bin/sh
[ "${name} $* $LC_ALL $TZ" = "${command} C UTC" ] || { echo "${name}: illegal option"; exit 64; }
cat <<'END'
${output}END
exit ${exitCode}
`,
  );
  await chmod(path, 0o755);
}

describe('on macOS', () => {
  it('says who this process is', async () => {
    using _mac = pretendMac();
    const { livenessOf, thisProcess } = await freshProcessOwner();
    const me = await thisProcess();
    expect(me).toMatchObject({
      host: hostname(),
      machine: '8A4C1F52-6E0B-5C3D-9F7A-2B1D0E9C8A7F',
      boot: '5D7E3B9C-0A1F-4E62-8C55-D3A9B7F1E204',
      pid: process.pid,
      started: STARTED,
    });
    expect(await livenessOf(me)).toBe('alive');
  });

  it.each([
    ['one that started at another time', `Ss+  ${STARTED.replace(':11', ':12')}    \n`, 0, 'dead'],
    ['a zombie', `Z+   ${STARTED}    \n`, 0, 'dead'],
    ['one of which ps says nothing', '', 1, 'unknown'],
    ['one at which ps fails', `Ss+  ${STARTED}    \n`, 1, 'unknown'],
  ])('judges by what ps says: %s', async (_name, output, exitCode, expected) => {
    using _mac = pretendMac();
    const { livenessOf, thisProcess } = await freshProcessOwner();
    const me = await thisProcess();
    await program(psOf(process.pid), output, exitCode);
    expect(await livenessOf(me)).toBe(expected);
  });

  it('proves a process dead that has ended', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    using _mac = pretendMac();
    const { livenessOf, thisProcess } = await freshProcessOwner();
    const me = await thisProcess();
    await program(psOf(child.pid ?? 0), '', 1);
    expect(await livenessOf({ ...me, pid: child.pid ?? 0 })).toBe('dead');
  });

  it('leaves empty what the system does not say', async () => {
    using _mac = pretendMac();
    await program('sysctl -n kern.bootsessionuuid', 'sysctl: unknown oid\n', 1);
    await program('ioreg -rd1 -c IOPlatformExpertDevice', '');
    await program(psOf(process.pid), '', 1);
    const { thisProcess } = await freshProcessOwner();
    expect(await thisProcess()).toMatchObject({ machine: '', boot: '', started: '' });
  });
});
