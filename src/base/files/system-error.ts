import { messageOf, SecpiError } from '../errors.js';
import { systemCode } from './system-code.js';

interface Explanation {
  readonly code: string;
  /** Completes "cannot write /some/file: …". */
  readonly why: string;
  readonly hint: string;
}

const full = {
  code: 'files/no-space',
  why: 'there is no room left',
  hint: 'Free some space (`secpi gc` says what secpi keeps), or move the state with SECPI_HOME; then run the same command again.',
};
const forbidden = {
  code: 'files/no-permission',
  why: 'that is not permitted',
  hint: 'Check who owns it and what its mode is; nothing was changed.',
};
const exhausted = {
  code: 'files/too-many-open',
  why: 'too many files are open',
  hint: 'Raise the limit (`ulimit -n 4096`), or ask for less at once; then run the same command again.',
};

/** What the system's error codes mean for a person who runs a recipe. */
const explanations: Readonly<Record<string, Explanation>> = {
  ENOSPC: full,
  EDQUOT: { ...full, why: 'your quota is used up' },
  EACCES: forbidden,
  EPERM: forbidden,
  EROFS: {
    code: 'files/read-only',
    why: 'the file system is read-only',
    hint: 'Set SECPI_HOME to a folder that can be written to.',
  },
  ENOTDIR: {
    code: 'files/not-a-folder',
    why: 'a file stands where a folder is expected',
    hint: 'Move that file away, or choose another folder.',
  },
  EISDIR: {
    code: 'files/not-a-file',
    why: 'a folder stands where a file is expected',
    hint: 'Move that folder away, or choose another name.',
  },
  ENOENT: {
    code: 'files/missing',
    why: 'it is not there',
    hint: 'If it was deleted while secpi was at work, run the same command again.',
  },
  EMFILE: exhausted,
  ENFILE: exhausted,
  EIO: {
    code: 'files/device-error',
    why: 'the disk or network file system reports an error',
    hint: 'Look at the system log (`dmesg`); what was finished is kept, and the same command goes on from there.',
  },
  ESTALE: {
    code: 'files/stale-handle',
    why: 'the network file system has lost track of it',
    hint: 'Wait until the server is back (or mount it again), then run the same command again.',
  },
  ENAMETOOLONG: {
    code: 'files/name-too-long',
    why: 'the name is too long for this file system',
    hint: 'Use a state folder with a shorter path (SECPI_HOME).',
  },
  ELOOP: {
    code: 'files/link-loop',
    why: 'its links lead in a circle, or to a place where none may stand',
    hint: 'Replace the link by what it should point to.',
  },
  EFBIG: {
    code: 'files/too-large',
    why: 'the file would be larger than this file system or your limit allows',
    hint: 'Use another file system (SECPI_HOME), or raise `ulimit -f`.',
  },
  EBUSY: {
    code: 'files/busy',
    why: 'it is in use',
    hint: 'Find out which program holds it; then run the same command again.',
  },
};

/** A file system says what it likes, one over a network above all (ETIMEDOUT, ENOTCONN, EKEYEXPIRED, …). */
function unlisted(code: string): Explanation {
  return {
    code: 'files/refused',
    why: `the file system answers ${code}`,
    hint: 'Look at the file system and at the system log (`dmesg`); what was finished is kept, and the same command goes on from there.',
  };
}

/** Calls that are about a file, and what a person calls them. Those about processes and networks are not for this page. */
const verbs: Readonly<Record<string, string>> = {
  open: 'open',
  close: 'write',
  read: 'read',
  write: 'write',
  fsync: 'write',
  fdatasync: 'write',
  ftruncate: 'write',
  access: 'look at',
  stat: 'look at',
  lstat: 'look at',
  fstat: 'look at',
  statfs: 'look at',
  realpath: 'look at',
  readlink: 'look at',
  scandir: 'list',
  opendir: 'list',
  mkdir: 'make',
  mkdtemp: 'make',
  rename: 'move',
  link: 'link',
  symlink: 'link',
  unlink: 'remove',
  rm: 'remove',
  rmdir: 'remove',
  chmod: 'change the mode of',
  fchmod: 'change the mode of',
  utime: 'change the times of',
  futime: 'change the times of',
};

/**
 * An error of the file system as one that a person understands: which file, what was tried, why it failed, what to do.
 * Undefined for everything else; then it is a bug, or somebody else's business (the network's, say).
 */
export function explainSystemError(error: unknown): SecpiError | undefined {
  const code = systemCode(error);
  if (code === undefined) return undefined;
  const { syscall, path } = error as NodeJS.ErrnoException;
  const explanation = explanations[code] ?? (path === undefined ? undefined : unlisted(code));
  const verb = verbs[syscall ?? ''];
  if (explanation === undefined || verb === undefined) return undefined;
  const what = `cannot ${verb} ${path === undefined ? 'a file' : path}`;
  return new SecpiError(explanation.code, `${what}: ${explanation.why}`, { hint: explanation.hint, cause: error });
}

/** What was thrown, as the error a person sees; undefined for a bug. */
export function expectedError(error: unknown): SecpiError | undefined {
  return error instanceof SecpiError ? error : explainSystemError(error);
}

/** The sentence about anything that was thrown: ours where there is one, else its own message. */
export function sentenceOf(error: unknown): string {
  return expectedError(error)?.message ?? messageOf(error);
}

/** What to do about a file that a person has named and that cannot be written: ours where there is a hint, else another name. */
export function hintFor(error: unknown): string {
  return expectedError(error)?.hint ?? 'Name another file.';
}
