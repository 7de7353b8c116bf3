import { join } from 'node:path';
import { SecpiError } from '../../../base/errors.js';
import { isInBase } from '../../../sandbox/runs/base-system.js';
import { answerOf, runStep, type SetUpContext } from '../../../setup/set-up-step.js';

/** An interpreter that the official environment could have. */
export interface JudgePython {
  readonly program: string;
  readonly version: string;
  /** What of it has to be shown in the sandbox besides the base system. */
  readonly mounts: readonly string[];
}

/**
 * Python 3.10, which the official image has; else 3.11, where `datetime.fromisoformat` takes a trailing Z (`cwe_117_0`).
 * @throws SecpiError `suites/cweval-needs`
 */
export async function findPython(context: SetUpContext): Promise<JudgePython> {
  const script = 'import sys, venv, ensurepip; print(sys.base_prefix, "%d.%d.%d" % sys.version_info[:3])';
  for (const name of ['python3.10', 'python3.11', 'python3']) {
    const [prefix, version] = ((await answerOf([name, '-I', '-c', script], context).catch(() => '')) ?? '')
      .trim()
      .split(' ');
    if (prefix === undefined || !/^3\.1[01]\./.test(version ?? '')) continue;
    return {
      program: join(prefix, 'bin', name),
      version: version ?? '',
      mounts: prefix === '/usr' || isInBase(prefix) ? [] : [prefix],
    };
  }
  throw new SecpiError('suites/cweval-needs', 'CWEval needs Python 3.10, or 3.11, with venv', {
    hint: 'On Debian 12: apt-get install python3 python3-venv. Elsewhere: uv or pyenv install one.',
  });
}

/** An environment in a folder that can be shown under another name: the interpreter is copied, since a link would lead out of it. */
export async function makePython(
  python: JudgePython,
  folder: string,
  lock: string,
  context: SetUpContext,
): Promise<void> {
  await runStep([python.program, '-m', 'venv', '--copies', folder], context);
  const pip = [join(folder, 'bin', 'python'), '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check'];
  await runStep([...pip, '--no-deps', '-r', lock], context);
}
