import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import { exists, ifThere, readIfThere } from '../../base/files/if-there.js';
import { sha256 } from '../../base/hash.js';

/** What the names of files of answers end in that are written today. */
export const PACKED = '.jsonl.gz';
const IDENTITY_FILE = 'model.json';

const identitySchema = z.object({ schema: z.literal(1), identity: z.string().min(1) });

/** The answers of one model in a state folder. */
export interface ModelFolder {
  /** Its name below `answers/`. */
  readonly name: string;
  readonly path: string;
  /** Whose answers these are; unknown where only versions before this one have written. */
  readonly identity: string | undefined;
}

/** Where the answers of all models lie in a state folder. */
export function answersFolder(stateDir: string): string {
  return join(stateDir, 'answers');
}

/** The name of a model's folder: readable, and unique by the digest at its end. */
export function folderName(identity: string): string {
  const readable = identity
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 60);
  return `${readable}-${sha256(identity).slice(0, 12)}`;
}

/** Whether a file in such a folder holds answers. */
function isSegment(name: string): boolean {
  return name.endsWith('.jsonl') || name.endsWith(PACKED);
}

/** Names of the files with answers, oldest first: they begin with the time. */
export async function segmentsIn(folder: string): Promise<readonly string[]> {
  return ((await ifThere(readdir(folder))) ?? []).filter(isSegment).sort();
}

/** Writes down whose answers a folder holds, if that does not stand there yet. */
export async function writeIdentity(folder: string, identity: string): Promise<void> {
  const path = join(folder, IDENTITY_FILE);
  if (await exists(path)) return;
  await writeJsonAtomic(path, { schema: 1, identity } satisfies z.input<typeof identitySchema>);
}

async function readIdentity(folder: string): Promise<string | undefined> {
  const text = await readIfThere(join(folder, IDENTITY_FILE));
  try {
    return text === undefined ? undefined : identitySchema.safeParse(JSON.parse(text)).data?.identity;
  } catch {
    return undefined; // Not JSON: as if it were not there.
  }
}

/** The models that have answers, by the names of their folders. */
export async function modelFolders(stateDir: string): Promise<readonly ModelFolder[]> {
  const root = answersFolder(stateDir);
  const entries = (await ifThere(readdir(root, { withFileTypes: true }))) ?? [];
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const folders: ModelFolder[] = [];
  for (const name of names.sort()) {
    const path = join(root, name);
    folders.push({ name, path, identity: await readIdentity(path) });
  }
  return folders;
}
