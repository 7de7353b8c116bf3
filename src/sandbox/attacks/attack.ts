import type { Language, SandboxLevel, SandboxResult, SandboxRun } from '../sandbox.js';

/** What the attacks aim at on the host. */
export interface Target {
  /** A random word that must never be seen from inside. */
  readonly canary: string;
  /** A file that holds it, in a place every user may read. */
  readonly file: string;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly socketName: string;
  /** Folders of secpi's own. */
  readonly folders: readonly string[];
  readonly level: SandboxLevel;
  connections: number;
}

export type Finding = { readonly ok: boolean; readonly detail: string };

export interface Attack {
  readonly name: string;
  /** A Python program; `target` is defined in it. */
  readonly program: string;
  readonly run?: Pick<SandboxRun, 'limits' | 'collect'>;
  /** Only tried when the system-call filter is in place. */
  readonly needsSeccomp?: boolean;
  /** Takes long, and is held by nothing that differs between the ways in which code is run. */
  readonly once?: boolean;
  /** Would do harm without isolation. */
  readonly needsIsolation?: boolean;
  /** `marker` stands in the command line of what was started. */
  readonly judge: (result: SandboxResult, target: Target, marker: string) => Finding;
}

/** Hostile source. */
export interface BuildAttack {
  readonly name: string;
  readonly language: Language;
  readonly run: (target: Target) => Omit<SandboxRun, 'toolchain'>;
  readonly judge: (result: SandboxResult, target: Target) => Finding;
}

/** `tried(f)` in an attack prints the name of everything that worked; nothing may. */
export const TRIED = `
def tried(name, action):
    try:
        action()
        print(name)
    except (OSError, ValueError, MemoryError, PermissionError):
        pass
`;

export const nothingWorked: Attack['judge'] = ({ stdout, stderr, ending }) => {
  const worked = stdout.trim().split('\n').join(', ');
  if (worked !== '') return { ok: false, detail: `worked: ${worked}` };
  if (ending.how === 'exited' && ending.exitCode === 0) return { ok: true, detail: 'all refused' };
  return { ok: false, detail: `not tried to the end: ${stderr.trim().split('\n').pop() ?? ending.how}` };
};
