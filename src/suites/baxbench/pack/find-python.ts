import { SecpiError } from '../../../base/errors.js';
import { answerOf, type SetUpContext } from '../../../setup/set-up-step.js';

/**
 * Python 3.12 or newer: the official code is written in it.
 * @throws SecpiError `suites/baxbench-needs`
 */
export async function findPython(
  context: SetUpContext,
): Promise<{ readonly program: string; readonly version: string }> {
  const script = 'import sys, venv, ensurepip; print(sys.executable, "%d.%d.%d" % sys.version_info[:3])';
  for (const name of ['python3.12', 'python3.13', 'python3']) {
    const said = await answerOf([name, '-I', '-c', script], context).catch(() => undefined);
    const [program = '', version = ''] = (said ?? '').trim().split(' ');
    if (/^3\.1[23]\./.test(version)) return { program, version };
  }
  throw new SecpiError('suites/baxbench-needs', 'BaxBench needs Python 3.12 or 3.13, with venv', {
    hint: 'On Ubuntu 24.04 and Debian 13: apt-get install python3 python3-venv. Elsewhere: uv or pyenv install one.',
  });
}
