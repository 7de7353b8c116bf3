import type { SandboxResult, SandboxRun } from '../sandbox.js';

/** What the attacks aim at on the host. */
export interface Target {
  /** A random word that must never be seen from inside. */
  readonly canary: string;
  /** A file that holds it, in a place every user may read. */
  readonly file: string;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly socketName: string;
  connections: number;
}

export interface Attack {
  readonly name: string;
  /** A Python program; `target` is defined in it. */
  readonly program: string;
  readonly run?: Partial<SandboxRun>;
  /** Only tried when the system-call filter is in place. */
  readonly needsSeccomp?: boolean;
  readonly judge: (result: SandboxResult, target: Target) => { readonly ok: boolean; readonly detail: string };
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
