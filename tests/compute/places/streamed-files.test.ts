import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { agentFolder } from '../../../src/compute/places/agent-files.js';
import { receiveFiles, sendFiles } from '../../../src/compute/places/streamed-files.js';
import { resolveInside } from '../../../src/engine/inside.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const never = new AbortController().signal;
const env = { PATH: process.env.PATH ?? '' };
const content = { a: 'one', 'deep/b c': '', 'deep/c': 'two\n', z: '\u0000\n' } as const;
const files = Object.entries(content).map(([path, text]) => ({
  path,
  bytes: Buffer.byteLength(text),
  sha256: sha256(text),
}));
const whole = files.reduce((sum, { bytes }) => sum + bytes, 0);

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
  for (const [name, text] of Object.entries(content)) await folder.write(`there/${name}`, text);
});
afterEach(() => folder[Symbol.asyncDispose]());

/** An agent behind a line of shell, which gets what it says and may do to it what a network or an enemy does. */
function agentBehind(shell: string) {
  const script = `python3 -I "$0" "$1" ${shell}`;
  return { host: 'far', env, argv: async (command: string) => ['sh', '-c', script, agentFolder, command] };
}

function fetchFrom(agent: ReturnType<typeof agentBehind>, names = files) {
  const here = join(folder.path, 'here');
  const placeOf = (name: string) => resolveInside(here, name);
  return receiveFiles(agent, { path: join(folder.path, 'there'), files: names, placeOf }, never);
}

async function fetched(): Promise<Readonly<Record<string, string>>> {
  const here = join(folder.path, 'here');
  const names = (await readdir(here, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const found = names.map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(
    await Promise.all(found.map(async (path) => [path.slice(here.length + 1), await readFile(path, 'utf8')])),
  );
}

/** What the agent says before the bytes. */
const heading = '{"type": "sending"}\n'.length;

describe('receiveFiles', () => {
  it('fetches files byte by byte, whatever a login shell says before', async () => {
    await fetchFrom({
      ...agentBehind(''),
      argv: async (command) => ['sh', '-c', 'echo Welcome; exec python3 -I "$0" "$1"', agentFolder, command],
    });
    expect(await fetched()).toEqual(content);
  });

  it('says that a stream ended too early, wherever it is cut, and goes on from there', async () => {
    for (const cut of [0, 1, heading - 1, ...Array.from({ length: whole }, (_, index) => heading + index)]) {
      await rm(join(folder.path, 'here'), { recursive: true, force: true });
      const attempt = fetchFrom(agentBehind(`| head -c ${cut}`));
      await expect(attempt, `cut at ${cut}`).rejects.toMatchObject({ code: 'compute/transfer-failed' });
      if (cut < heading) continue;
      const arrived = Object.values(await fetched()).join('');
      expect(Buffer.byteLength(arrived), `cut at ${cut}`).toBe(cut - heading);
      // With what is left of it, and no more.
      await fetchFrom(agentBehind(`| head -c ${heading + whole - (cut - heading)}`));
      expect(await fetched(), `cut at ${cut}`).toEqual(content);
    }
  });

  it('takes no more than was announced', async () => {
    await expect(fetchFrom(agentBehind('; printf more'))).rejects.toMatchObject({ code: 'compute/transfer-failed' });
    expect(await fetched()).toEqual(content);
  });

  it.each(['../evil', '/tmp/evil', 'a/../../evil', '.', ''])('writes nothing for the sake of %j', async (path) => {
    const evil = { path, bytes: 1, sha256: sha256('x') };
    await expect(fetchFrom(agentBehind(''), [...files, evil])).rejects.toMatchObject({ code: 'engine/name-outside' });
    expect(await readdir(folder.path)).toEqual(['there']);
  });

  it('follows no link, there or here', async () => {
    const outside = await folder.write('outside', 'one');
    await mkdir(join(folder.path, 'here'));
    await symlink(outside, join(folder.path, 'here', 'a'));
    await fetchFrom(agentBehind(''));
    expect(await readFile(outside, 'utf8')).toBe('one');
    expect(await fetched()).toEqual(content);
    await symlink('/etc/passwd', join(folder.path, 'there', 'link'));
    const link = { path: 'link', bytes: 5, sha256: sha256('x') };
    await expect(fetchFrom(agentBehind(''), [link])).rejects.toMatchObject({ code: 'job/bad-transfer' });
  });

  it('stops when it is told to', async () => {
    const agent = { ...agentBehind(''), argv: async () => ['sleep', '1000'] };
    const controller = new AbortController();
    const placeOf = (name: string) => resolveInside(folder.path, name);
    const running = receiveFiles(agent, { path: folder.path, files, placeOf }, controller.signal);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });
});

describe('sendFiles', () => {
  const input = () => ({
    below: join(folder.path, 'there'),
    partial: join(folder.path, 'inputs', '.digest.partial'),
    final: join(folder.path, 'inputs', 'digest'),
    files,
  });

  it('brings files, and nothing that is there', async () => {
    await sendFiles(agentBehind(''), input(), never);
    expect(await readFile(join(folder.path, 'inputs', 'digest', 'z'), 'utf8')).toBe(content.z);
    await sendFiles(agentBehind(''), { ...input(), below: '/nowhere' }, never);
  });

  it('says what cannot be read here', async () => {
    const sending = sendFiles(agentBehind(''), { ...input(), below: '/nowhere' }, never);
    await expect(sending).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(join(folder.path, 'inputs'))).not.toContain('digest');
  });

  it('brings nothing that was changed since it was hashed', async () => {
    await writeFile(join(folder.path, 'there', 'a'), 'two');
    await expect(sendFiles(agentBehind(''), input(), never)).rejects.toMatchObject({ code: 'job/bad-transfer' });
    await writeFile(join(folder.path, 'there', 'a'), 'o');
    await expect(sendFiles(agentBehind(''), input(), never)).rejects.toMatchObject({ code: 'job/bad-transfer' });
    expect(await readdir(join(folder.path, 'inputs'))).not.toContain('digest');
  });
});
