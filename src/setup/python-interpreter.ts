import { SecpiError } from '../base/errors.js';
import { answerOf, type SetUpContext } from './set-up-step.js';

/** The pinned packages ask for it; the trainers' own code runs on 3.10. */
const oldestPython = [3, 11] as const;

export interface PythonInterpreter {
  readonly path: string;
  readonly version: string;
}

/** The first suitable Python on PATH. Throws `python/not-found` when there is none. */
export async function findInterpreter(context: Pick<SetUpContext, 'environment'>): Promise<PythonInterpreter> {
  const script = 'import sys, venv, ensurepip; print(sys.executable, "%d.%d.%d" % sys.version_info[:3])';
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python']) {
    const [path, version] = ((await answerOf([name, '-c', script], context)) ?? '').trim().split(' ');
    if (path === undefined || version === undefined) continue;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major === oldestPython[0] && minor >= oldestPython[1] && minor <= 13) return { path, version };
  }
  throw new SecpiError('python/not-found', `no Python ${oldestPython.join('.')} to 3.13 with venv was found on PATH`, {
    hint: 'Install one; on Debian or Ubuntu: apt-get install python3 python3-venv',
  });
}
