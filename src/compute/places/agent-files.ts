import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type Sha256, sha256Json } from '../../base/hash.js';
import { packageRoot } from '../../base/package-root.js';

/** The agent's code, in our own package. */
export const agentFolder = join(packageRoot, 'agent', 'secpi_agent');

export interface AgentFiles {
  readonly digest: Sha256;
  /** Text by path, with forward slashes. */
  readonly files: Readonly<Record<string, string>>;
}

let read: Promise<AgentFiles> | undefined;

/** The agent's code, to be brought elsewhere. */
export function agentFiles(): Promise<AgentFiles> {
  read ??= (async () => {
    const all = await readdir(agentFolder, { recursive: true });
    const names = all.filter((name) => name.endsWith('.py')).sort();
    const texts = await Promise.all(
      names.map(async (name) => [name.replaceAll(sep, '/'), await readFile(join(agentFolder, name), 'utf8')]),
    );
    const files = Object.fromEntries(texts) as Record<string, string>;
    return { digest: sha256Json(files), files };
  })();
  return read;
}
