import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { SecpiError } from '../../base/errors.js';
import { readJsonLines } from '../../base/files/json-lines.js';
import { dataProblem } from '../../base/zod-message.js';
import { resolveInside } from '../inside.js';
import type { ArtifactReader, Manifest } from './artifact.js';

/** Reads a finished artifact. Only names that the manifest lists, or folders that hold such files, can be asked for. */
export function artifactReader(root: string, manifest: Manifest): ArtifactReader {
  const files = new Set(manifest.outputs.map((file) => file.path));

  const pathOf = (name: string): string => {
    const path = resolveInside(root, name);
    if (files.has(name) || manifest.outputs.some((file) => file.path.startsWith(`${name}/`))) return path;
    throw new SecpiError('engine/no-such-output', `the artifact of ${manifest.stage} holds no ${name}`, {
      hint: `It holds: ${[...files].slice(0, 10).join(', ') || 'no files'}${files.size > 10 ? ', …' : ''}`,
    });
  };

  return {
    manifest,
    path: pathOf,
    async json<T>(name: string, schema: z.ZodType<T>): Promise<T> {
      const path = pathOf(name);
      try {
        return schema.parse(JSON.parse(await readFile(path, 'utf8')));
      } catch (cause) {
        throw new SecpiError('engine/bad-output', `${path} is not what its reader expects: ${dataProblem(cause)}`, {
          cause,
        });
      }
    },
    rows: (name, schema) => readJsonLines(pathOf(name), schema),
  };
}
