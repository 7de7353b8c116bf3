import { readFile } from 'node:fs/promises';
import type * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { readJsonLines } from '../../base/files/json-lines.js';
import { type Sha256, sha256Json } from '../../base/hash.js';
import { dataProblem } from '../../base/zod-message.js';
import { resolveInside } from '../inside.js';
import { type BytesElsewhere, bytesElsewhere } from './bytes-elsewhere.js';
import type { ArtifactFile, Manifest } from './manifest.js';

/** Read access to one finished artifact. Only names that the manifest lists, or folders that hold such files, can be asked for. */
export interface ArtifactReader {
  readonly manifest: Manifest;
  /** Absolute path of a file or folder. Throws `engine/no-such-output`, `engine/bytes-elsewhere`. */
  path(name: string): string;
  /** The same of a folder, or where it lies when that is another machine. */
  where(folder: string): string | BytesElsewhere;
  /** The file of that name, or all files below the folder of that name, as the manifest lists them; also those that lie elsewhere. */
  files(name: string): readonly ArtifactFile[];
  /** Names the content of a file or folder without reading it: known since the commit. */
  digest(name: string): Sha256;
  json<T>(name: string, schema: z.ZodType<T>): Promise<T>;
  /** Rows of a JSON Lines file, checked one by one; constant memory. */
  rows<T>(name: string, schema: z.ZodType<T>): AsyncIterable<T>;
}

/** The same artifact, of which only these files and folders can be asked for. */
export function onlyFiles(artifact: ArtifactReader, names: readonly string[]): ArtifactReader {
  const isBelow = (path: string) => names.some((name) => path === name || path.startsWith(`${name}/`));
  const { manifest } = artifact;
  const checked = (name: string): string => {
    // A stage that reads what does not enter its fingerprint would go on with an artifact that is no longer right.
    if (!isBelow(name)) throw new Error(`${name} of ${manifest.stage} is read, but not named: ${names.join(', ')} are`);
    return name;
  };
  return {
    manifest: { ...manifest, outputs: manifest.outputs.filter(({ path }) => isBelow(path)) },
    path: (name) => artifact.path(checked(name)),
    where: (folder) => artifact.where(checked(folder)),
    files: (name) => artifact.files(checked(name)),
    digest: (name) => artifact.digest(checked(name)),
    json: async (name, schema) => artifact.json(checked(name), schema),
    rows: (name, schema) => artifact.rows(checked(name), schema),
  };
}

/** Reads the artifact whose bytes lie in `folder`. */
export function artifactReader(folder: string, manifest: Manifest): ArtifactReader {
  const { outputs, stage } = manifest;

  const filesOf = (name: string): readonly ArtifactFile[] => {
    const found = outputs.filter((file) => file.path === name || file.path.startsWith(`${name}/`));
    if (found.length > 0) return found;
    const held = outputs.map((file) => file.path);
    throw new SecpiError('engine/no-such-output', `the artifact of ${stage} holds no ${name}`, {
      hint: `It holds: ${held.slice(0, 10).join(', ') || 'no files'}${held.length > 10 ? ', …' : ''}`,
    });
  };

  const pathOf = (name: string): string => {
    const path = resolveInside(folder, name);
    const away = filesOf(name).find((file) => file.at !== undefined);
    if (away?.at === undefined) return path;
    throw new SecpiError(
      'engine/bytes-elsewhere',
      `${away.path} of ${stage} lies on ${away.at.machine} (${away.at.path})`,
      {
        hint: 'It can be used there, or has to be fetched first.',
      },
    );
  };

  return {
    manifest,
    path: pathOf,
    where(name) {
      const all = filesOf(name).length;
      const elsewhere = bytesElsewhere(manifest).find((one) => one.name === name && one.files.length === all);
      return elsewhere ?? pathOf(name);
    },
    files: filesOf,
    digest(name) {
      const files = filesOf(name);
      const [only] = files;
      if (only?.path === name) return only.sha256;
      return sha256Json(files.map((file) => [file.path.slice(name.length + 1), file.sha256]));
    },
    async json<T>(name: string, schema: z.ZodType<T>): Promise<T> {
      const path = pathOf(name);
      const text = await readFile(path, 'utf8');
      try {
        return schema.parse(JSON.parse(text));
      } catch (cause) {
        throw new SecpiError('engine/bad-output', `${path} is not what its reader expects: ${dataProblem(cause)}`, {
          cause,
        });
      }
    },
    rows: (name, schema) => readJsonLines(pathOf(name), schema),
  };
}
