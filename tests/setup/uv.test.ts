import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findUv } from '../../src/setup/uv.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { type StandIns, standIns } from './fixtures/stand-ins.js';

let folder: TemporaryFolder;
let there: StandIns;
let said: string[];
beforeEach(async () => {
  folder = await temporaryFolder();
  there = await standIns(folder);
  said = [];
});
afterEach(() => folder[Symbol.asyncDispose]());

const find = (variables: Readonly<Record<string, string>> = {}) =>
  findUv(join(folder.path, 'bin', 'python3'), {
    cache: join(folder.path, 'cache'),
    environment: { ...there.environment, ...variables },
    say: (line) => said.push(line),
  });
const fetched = async () => (await there.calls()).filter((line) => line.includes('pip install'));

describe('uv', () => {
  it('is the one on the search path where that starts, with the cache that it has', async () => {
    await there.program('uv');
    expect(await find()).toEqual({ program: 'uv', python: join(folder.path, 'bin', 'python3'), environment: {} });
    expect(await there.calls()).toEqual([]);
  });

  it('is fetched once through pip, in the version that is pinned, and keeps its packages beside the environments', async () => {
    const uv = await find();
    const version =
      /^-m pip install .* --only-binary :all: uv==(\d+\.\d+\.\d+)$/.exec((await fetched())[0] ?? '')?.[1] ?? '';
    const home = join(folder.path, 'cache', 'uv');
    expect(uv).toEqual({
      program: join(home, version, 'bin', 'uv'),
      python: join(home, version, 'bin', 'python'),
      environment: { UV_CACHE_DIR: join(home, 'packages') },
    });
    expect(said).toEqual([`fetching uv ${version}, which installs packages side by side`]);
    expect(await find()).toEqual(uv);
    expect(await fetched()).toHaveLength(1);
    expect((await find({ UV_CACHE_DIR: '/mine' }))?.environment).toEqual({});
  });

  it('is fetched by one of two that need it at once', async () => {
    expect(await Promise.all([find(), find()])).toEqual([await find(), await find()]);
    expect(await fetched()).toHaveLength(1);
    expect(said.some((line) => line.includes('is fetching uv already'))).toBe(true);
  });

  it('is fetched again over the rest of an attempt that was interrupted', async () => {
    const { program = '' } = (await find()) ?? {};
    await there.program(program.slice(folder.path.length + 1), '#!/bin/sh\nexit 139\n');
    expect(await find()).toMatchObject({ program });
    expect(await fetched()).toHaveLength(2);
  });

  it('is done without where it cannot be fetched, or does not start, and that is said', async () => {
    expect(await find({ FAIL: 'uv==' })).toBeUndefined();
    expect(said.at(-1)).toBe('uv cannot be fetched: pip installs instead, which takes longer');
    await there.program('to-bring/uv', '#!/bin/sh\nexit 1\n');
    expect(await find()).toBeUndefined();
    expect(said.at(-1)).toBe('uv does not start here: pip installs instead, which takes longer');
  });

  it('is not even looked for when the user wants pip', async () => {
    await there.program('uv');
    expect(await find({ SECPI_INSTALLER: 'pip' })).toBeUndefined();
    await expect(access(join(folder.path, 'cache'))).rejects.toThrow();
  });
});
