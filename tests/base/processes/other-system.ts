import { promises } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { vi } from 'vitest';

/** Lets whoever reads these files read others in their place, until disposed. */
export function reroute(routes: Readonly<Record<string, string>>): Disposable {
  const { readFile, readlink } = promises;
  const other = <T>(path: T): T | string => (typeof path === 'string' ? (routes[path] ?? path) : path);
  promises.readFile = ((path: string, ...rest: never[]) => readFile(other(path), ...rest)) as typeof readFile;
  promises.readlink = ((path: string, ...rest: never[]) => readlink(other(path), ...rest)) as typeof readlink;
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]() {
      Object.assign(promises, { readFile, readlink });
      syncBuiltinESMExports();
    },
  };
}

/** Code that takes this machine for a Mac, until disposed. */
export function pretendMac(): Disposable {
  const real = process.platform;
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  return {
    [Symbol.dispose]() {
      Object.defineProperty(process, 'platform', { value: real });
    },
  };
}

/** The module under test as at its first use, for the caller alone: it remembers what the system once said. */
export async function freshProcessOwner() {
  vi.resetModules();
  const fresh = await import('../../../src/base/processes/process-owner.js');
  vi.resetModules();
  return fresh;
}
