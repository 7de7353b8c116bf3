/**
 * How long the Python environment takes to set up, with uv and with pip, which was the way before. Cold: nothing of it has been
 * downloaded yet. Warm: the environment is gone, the downloads are still there. Downloads about 3 GB twice where only the CUDA
 * build of torch can be had; needs about 20 GB, all of which is deleted in the end.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { preparePythonEnvironment } from '../src/setup/python-environment.js';
import { line, rounded, secondsOf } from './measure.js';

// The folder decides which disk is measured.
const root = resolve(process.argv[2] ?? '.');
const folder = await mkdtemp(join(root, '.bench-set-up-'));

interface Result {
  readonly setUp: number;
  /** Here it would show if one installer left work, such as compiling, to the first start. */
  readonly firstImport: number;
  readonly gigabytes: number;
}

/** One set-up in an empty cache of its own; downloads go where the one before left them. */
async function setUp(installer: 'pip' | 'uv'): Promise<Result> {
  const downloads = join(folder, `downloads-${installer}`);
  const cache = join(folder, `cache-${installer}`);
  await mkdir(downloads, { recursive: true });
  const environment = {
    ...process.env,
    SECPI_INSTALLER: installer,
    PIP_CACHE_DIR: join(downloads, 'pip'),
    UV_CACHE_DIR: join(downloads, 'uv'),
  };
  const say = (text: string): void => {
    process.stderr.write(`${installer}: ${text}\n`);
  };
  let python = '';
  const seconds = await secondsOf(async () => {
    ({ python } = await preparePythonEnvironment({ cache, development: false, environment, say }));
  });
  const firstImport = await secondsOf(() => execa(python, ['-c', 'import torch, transformers, trl, peft']));
  // `du` counts what is linked twice once.
  const { stdout } = await execa('du', ['-sk', '--total', cache, downloads]);
  const gigabytes = (Number(/^(\d+)\ttotal$/m.exec(stdout)?.[1]) * 1024) / 1e9;
  await rm(cache, { recursive: true, force: true });
  return { setUp: seconds, firstImport, gigabytes };
}

try {
  for (const downloads of ['cold', 'warm']) {
    const pip = await setUp('pip');
    const uv = await setUp('uv');
    for (const [name, { setUp: seconds, firstImport, gigabytes }] of Object.entries({ pip, uv })) {
      const ready = seconds + firstImport;
      const faster = (before: number, now: number): string => `${rounded(before / now)} × as fast as pip`;
      line(`${name}, ${downloads}: set-up`, `${rounded(seconds)} s`, faster(pip.setUp, seconds));
      line(
        `${name}, ${downloads}: and first import`,
        `${rounded(ready)} s`,
        faster(pip.setUp + pip.firstImport, ready),
      );
      line(`${name}, ${downloads}: on the disk, with downloads`, `${rounded(gigabytes)} GB`, '');
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
