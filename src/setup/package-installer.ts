import { pipSettingsForUv } from './pip-settings.js';
import { answerOf, runStep, type SetUpContext } from './set-up-step.js';
import { findUv, type Uv, type UvOptions } from './uv.js';

/** Makes Python environments and fills them. Failures are `python/set-up-failed`. */
export interface PackageInstaller {
  makeEnvironment(interpreter: string, folder: string): Promise<void>;
  /** Installs into the environment of this interpreter; from `index` instead of the configured one where it is given. */
  install(python: string, what: readonly string[], index?: string): Promise<void>;
}

/** uv, which is many times faster; pip where uv cannot be had. */
export async function packageInstaller(interpreter: string, options: UvOptions): Promise<PackageInstaller> {
  const uv = await findUv(interpreter, options);
  return uv === undefined ? withPip(options) : withUv(uv, options);
}

async function withUv(uv: Uv, { environment, say }: SetUpContext): Promise<PackageInstaller> {
  const settings = await pipSettingsForUv(uv.python, { environment });
  const context = { environment: { ...environment, ...uv.environment, ...settings.environment }, say };
  // It would win over the argument.
  const elsewhere = { environment: { ...context.environment, UV_DEFAULT_INDEX: undefined }, say };
  return {
    makeEnvironment: (interpreter, folder) => runStep([uv.program, 'venv', '--python', interpreter, folder], context),
    install: (python, what, index) => {
      const from = index === undefined ? [] : ['--index-url', index];
      // As pip does: trainers write no bytecode, and would compile their packages at every start.
      const pip = [uv.program, 'pip', 'install', '--compile-bytecode', '--python', python];
      const argv = [...pip, ...settings.args, ...from, ...what];
      return runStep(argv, index === undefined ? context : elsewhere);
    },
  };
}

function withPip(context: SetUpContext): PackageInstaller {
  return {
    makeEnvironment: (interpreter, folder) => runStep([interpreter, '-m', 'venv', folder], context),
    install: async (python, what, index) => {
      const pip = [python, '-m', 'pip'];
      // An environment that uv has made holds no pip.
      if ((await answerOf([...pip, '--version'], context)) === undefined)
        await runStep([python, '-m', 'ensurepip'], context);
      const from = index === undefined ? [] : ['--index-url', index];
      await runStep([...pip, 'install', '--no-input', '--disable-pip-version-check', ...from, ...what], context);
    },
  };
}
