import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { agentFolder } from '../../../src/compute/places/agent-files.js';
import { hashAll } from '../../../src/compute/places/manifest.js';
import type { Place } from '../../../src/compute/places/place.js';
import { rsync } from '../../../src/compute/places/rsync.js';
import { sshPlace } from '../../../src/compute/places/ssh.js';
import { sshArgv } from '../../../src/compute/places/ssh-connection.js';
import { sendFiles } from '../../../src/compute/places/streamed-files.js';
import { canMount } from '../../support/private-mounts.js';
import { hasSshServer, type SshServer, sshServer } from '../../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const never = new AbortController().signal;

describe.skipIf(!hasSshServer)('files to and from a host', () => {
  let folder: TemporaryFolder;
  let far: SshServer;
  /** A PATH with what is needed and no rsync. */
  let bare: string;
  let farWithout: SshServer;

  const placeAt = (server: SshServer, options: object = {}): Place =>
    sshPlace({
      host: 'far',
      config: server.config,
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' },
      root: join(server.home, 'secpi'),
      python: '/usr/bin/python3',
      spareGib: 0,
      queue: null,
      hashFiles: hashAll,
      ...options,
    });
  let places: Readonly<Record<string, () => Place>>;

  beforeAll(async () => {
    folder = await temporaryFolder();
    bare = join(folder.path, 'bin');
    await mkdir(bare);
    for (const name of ['ssh', 'sh']) await symlink(`/usr/bin/${name}`, join(bare, name));
    far = await sshServer();
    farWithout = await sshServer({ path: bare });
    places = {
      'rsync on both sides': () => placeAt(far),
      'no rsync there': () => placeAt(farWithout),
      'no rsync here': () => placeAt(far, { env: { PATH: bare, HOME: process.env.HOME ?? '' } }),
    };
    await folder.write('tree/a', 'one');
    await folder.write('tree/deep/b c', 'two');
    await folder.write('tree/empty', '');
  });
  afterAll(async () => {
    await far[Symbol.asyncDispose]();
    await farWithout[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const describeFile = async (path: string, name: string) => {
    const text = await readFile(path, 'utf8');
    return { path: name, bytes: Buffer.byteLength(text), sha256: sha256(text) };
  };

  it.each(['rsync on both sides', 'no rsync there', 'no rsync here'])('go there and come back with %s', async (how) => {
    const place = places[how]?.() as Place;
    const tree = join(folder.path, 'tree');
    const { tree: there = '', file: fileThere = '' } = await place.bring({ tree, file: join(tree, 'a') }, never);
    expect(await readFile(join(there, 'deep', 'b c'), 'utf8')).toBe('two');
    expect(await readFile(fileThere, 'utf8')).toBe('one');
    const files = await Promise.all(['a', 'deep/b c', 'empty'].map((name) => describeFile(join(tree, name), name)));
    const into = join(folder.path, 'fetched', how);
    expect(await place.fetch({ name: 'tree', path: there, files }, into, never)).toBe(into);
    expect((await readdir(into, { recursive: true })).sort()).toEqual(['a', 'deep', 'deep/b c', 'empty']);
    const one = { name: 'file', path: fileThere, files: [await describeFile(fileThere, '')] };
    expect(await readFile(await place.fetch(one, `${into}-file`, never), 'utf8')).toBe('one');
  });

  it.each(['rsync on both sides', 'no rsync there'])('are not believed with %s', async (how) => {
    const place = places[how]?.() as Place;
    const there = await folder.write(`${how}/tree/a`, 'one');
    const path = join(there, '..');
    const into = (name: string) => join(folder.path, how, name);
    const fetching = (files: object[], name: string) =>
      place.fetch({ name: 'tree', path, files: files as never }, into(name), never);
    const a = { path: 'a', bytes: 3, sha256: sha256('one') };
    for (const name of ['../evil', '/tmp/evil']) {
      await expect(fetching([a, { ...a, path: name }], 'traversal')).rejects.toMatchObject({
        code: 'engine/name-outside',
      });
    }
    const up = { name: 'file', path: `${path}/..`, files: [{ ...a, path: '' }] };
    await expect(place.fetch(up, into('up'), never)).rejects.toMatchObject({ code: 'engine/name-outside' });
    await expect(fetching([{ ...a, sha256: sha256('two') }], 'other')).rejects.toMatchObject({
      code: 'compute/transfer-failed',
    });
    expect(await readdir(into('other'))).toEqual([]);
    // A link there in place of a file, after it was described.
    await symlink('/etc/hostname', join(path, 'link'));
    const link = await describeFile('/etc/hostname', 'link');
    await expect(fetching([a, link], 'link')).rejects.toMatchObject({
      code: expect.stringMatching(/^(compute\/transfer-failed|job\/bad-transfer)$/),
    });
    expect((await readdir(folder.path)).sort()).not.toContain('evil');
  });

  it('do not begin a transfer for which there is no room, here or there', async () => {
    const place = placeAt(far, { spareGib: 2 ** 40 });
    await expect(place.bring({ file: join(folder.path, 'tree', 'a') }, never)).rejects.toMatchObject({
      code: 'compute/disk-full',
      message: expect.stringMatching(/^far has .* left below .*secpi: .* are to be free for the job$/),
    });
    const huge = { name: 'model', path: '/model', files: [{ path: 'a', bytes: 2 ** 52, sha256: sha256('') }] };
    await expect(placeAt(far).fetch(huge, join(folder.path, 'huge'), never)).rejects.toMatchObject({
      code: 'compute/disk-full',
      message: expect.stringMatching(
        /^there are .* left for .*huge, and 4194304\.0 GiB are to be brought there from far$/,
      ),
    });
  });

  it.skipIf(!canMount)('end with a sentence when the disk there fills up meanwhile', async () => {
    await using server = await sshServer({
      mounts: ['mkdir -p "$HOME/secpi"', 'mount -t tmpfs -o size=1m tmpfs "$HOME/secpi"'],
    });
    const large = await folder.write('large', Buffer.alloc(2 ** 21, 'x'));
    await expect(placeAt(server).bring({ large }, never)).rejects.toMatchObject({ code: 'compute/disk-full' });
    // As if it had been asked before somebody else wrote there.
    const root = join(server.home, 'secpi');
    const connection = { host: 'far', config: server.config, env: { PATH: process.env.PATH ?? '' } };
    const copying = rsync(connection, { from: large, to: `${root}/brought/`, direction: 'there' }, never);
    await expect(copying).rejects.toMatchObject({
      code: 'compute/transfer-failed',
      message: expect.stringMatching(/No space left on device|a disk is full/),
    });
    const argv = async (command: string) => sshArgv(connection, ['/usr/bin/python3', '-I', agentFolder, command]);
    const sending = sendFiles(
      { ...connection, argv },
      {
        below: folder.path,
        partial: join(root, '.digest.partial'),
        final: join(root, 'digest'),
        files: [{ ...(await describeFile(large, 'large')), sha256: sha256('') }],
      },
      never,
    );
    await expect(sending).rejects.toMatchObject({
      code: 'job/system',
      message: expect.stringMatching(/No space left on device: .*large/),
    });
  });
});
