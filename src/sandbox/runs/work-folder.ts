/**
 * Filling and reading back a run's work folder through an open directory descriptor. Whatever untrusted code plants
 * there (links, pipes, devices), nothing outside the folder is ever opened and nothing blocks.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { messageOf, SecpiError } from '../../base/errors.js';
import { systemCode } from '../../base/files/system-code.js';
import type { CollectedFile, SandboxFile } from '../sandbox.js';

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Opens a folder to work in; close it with `closeSync`. */
export function openFolder(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

/**
 * Writes files (and the folders they need) owned by `owner`; call it before any untrusted code runs.
 *
 * @throws SecpiError `sandbox/bad-path`; `sandbox/not-filled` where they cannot be written, which is never the fault of what is run.
 */
export function fillFolder(folder: number, files: readonly SandboxFile[], owner: number | null): void {
  try {
    fill(folder, files, owner);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw new SecpiError('sandbox/not-filled', `The files of a run cannot be laid out: ${messageOf(error)}.`, {
      hint: 'They are too large, or one stands where another needs a folder.',
      cause: error,
    });
  }
}

function fill(folder: number, files: readonly SandboxFile[], owner: number | null): void {
  for (const file of files) {
    const parts = checkedPath(file.path);
    const name = parts.pop() ?? '';
    withSubfolder(folder, parts, owner, (parent) => {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
      const fd = openSync(`/proc/self/fd/${parent}/${name}`, flags, 0o600);
      try {
        const bytes = typeof file.content === 'string' ? Buffer.from(file.content) : file.content;
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
        own(fd, owner, file.executable === true ? 0o755 : 0o644);
      } finally {
        closeSync(fd);
      }
    });
  }
  own(folder, owner, 0o755);
}

/**
 * Reads files back: regular files up to `limitBytes`, reached without following any link. Whatever goes wrong with one is said of that one.
 */
export function collectFiles(
  folder: number,
  paths: readonly string[],
  limitBytes: number,
): Readonly<Record<string, CollectedFile>> {
  const collected: Record<string, CollectedFile> = Object.create(null);
  for (const path of paths) {
    const parts = checkedPath(path);
    const name = parts.pop() ?? '';
    try {
      collected[path] = withSubfolder(folder, parts, undefined, (parent) => readOne(parent, name, limitBytes));
    } catch (error) {
      collected[path] = { missing: missingBecause(error) };
    }
  }
  return collected;
}

function readOne(parent: number, name: string, limitBytes: number): CollectedFile {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = openSync(`/proc/self/fd/${parent}/${name}`, flags);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return { missing: 'not-a-file' };
    if (stat.size > limitBytes) return { missing: 'too-large' };
    const bytes = new Uint8Array(stat.size);
    let at = 0;
    while (at < bytes.length) {
      const read = readSync(fd, bytes, at, bytes.length - at, at);
      if (read === 0) break;
      at += read;
    }
    return { bytes: bytes.subarray(0, at) };
  } finally {
    closeSync(fd);
  }
}

/** Walks down one component at a time without following links; makes missing folders when `owner` is given. */
function withSubfolder<T>(
  folder: number,
  parts: readonly string[],
  owner: number | null | undefined,
  use: (fd: number) => T,
): T {
  const [part, ...rest] = parts;
  if (part === undefined) return use(folder);
  const path = `/proc/self/fd/${folder}/${part}`;
  if (owner !== undefined) mkdirSync(path, { recursive: true });
  const fd = openSync(path, FOLDER);
  try {
    if (owner !== undefined) own(fd, owner, 0o755);
    return withSubfolder(fd, rest, owner, use);
  } finally {
    closeSync(fd);
  }
}

function own(fd: number, owner: number | null, mode: number): void {
  fchmodSync(fd, mode);
  if (owner !== null) fchownSync(fd, owner, owner);
}

/** A path's components, or an error when it could leave the folder. */
function checkedPath(path: string): string[] {
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'))) {
    throw new SecpiError('sandbox/bad-path', `"${path}" is not a relative path inside the work folder.`);
  }
  return parts;
}

function missingBecause(error: unknown): 'absent' | 'not-a-file' | 'unreadable' {
  const code = systemCode(error);
  if (code === undefined) throw error;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'absent';
  if (code === 'ELOOP' || code === 'ENXIO' || code === 'EACCES' || code === 'EMLINK') return 'not-a-file';
  // A file that something else holds a lease on, for one.
  return 'unreadable';
}
