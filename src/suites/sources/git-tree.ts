import { createHash } from 'node:crypto';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What git calls a folder with this content (its tree object, SHA-1): so a folder is known to be what a commit holds, wherever it came from.
 * Empty folders count as absent, as for git.
 */
export async function gitTreeOf(folder: string): Promise<string> {
  const entries: { name: string; line: Buffer }[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      const id = await gitTreeOf(path);
      if (id !== EMPTY_TREE) entries.push(lineOf('40000', entry.name, id, `${entry.name}/`));
    } else if (entry.isSymbolicLink()) {
      entries.push(lineOf('120000', entry.name, idOf('blob', Buffer.from(await readlink(path)))));
    } else {
      const executable = ((await stat(path)).mode & 0o100) !== 0;
      entries.push(lineOf(executable ? '100755' : '100644', entry.name, await gitBlobOf(path)));
    }
  }
  // Git orders folders as if their names ended with a slash.
  entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return idOf('tree', Buffer.concat(entries.map(({ line }) => line)));
}

/** What git calls a file with this content. */
export async function gitBlobOf(path: string): Promise<string> {
  return idOf('blob', await readFile(path));
}

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

function lineOf(mode: string, name: string, id: string, sortedAs = name) {
  return { name: sortedAs, line: Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]) };
}

function idOf(kind: 'blob' | 'tree', content: Buffer): string {
  return createHash('sha1').update(`${kind} ${content.length}\0`).update(content).digest('hex');
}
