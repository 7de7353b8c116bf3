import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../base/package-root.js';
import type { SandboxFile } from '../../sandbox/sandbox.js';

/** Programs of ours that run in the sandbox. Data, not code: the build does not copy them, so they are read where they stand. */
export function pythonProgram(...paths: readonly `${string}/${string}.py`[]): Promise<readonly SandboxFile[]> {
  return Promise.all(
    paths.map(async (path) => ({
      path: path.slice(path.lastIndexOf('/') + 1),
      content: await readFile(join(packageRoot, 'src', 'suites', path), 'utf8'),
    })),
  );
}
