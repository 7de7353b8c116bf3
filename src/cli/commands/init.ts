import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { packageRoot } from '../../base/package-root.js';
import type { CliEnvironment } from '../environment.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { starterRecipe } from '../recipes/starter-recipe.js';

/** `secpi init`: a commented recipe to start from. */
export async function initCommand(
  file: string,
  options: OutputOptions & { readonly force?: boolean },
  environment: CliEnvironment,
): Promise<number> {
  const path = resolve(environment.workingDirectory, file);
  const schema = relative(dirname(path), join(packageRoot, 'secpi.schema.json'));
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, starterRecipe(schema), { flag: options.force === true ? 'w' : 'wx' });
  } catch (error) {
    throw refusal(error as NodeJS.ErrnoException, shownPath(path, environment));
  }
  if (options.json === true) writeJson({ type: 'written', path }, environment);
  else environment.stdout.write(`wrote ${shownPath(path, environment)}\n${nextSteps(shownPath(path, environment))}`);
  return 0;
}

function refusal(error: NodeJS.ErrnoException, path: string): SecpiError {
  if (error.code === 'EEXIST') {
    const hint = 'Choose another name, or overwrite it with --force.';
    return new SecpiError('cli/file-exists', `${path} is there already`, { hint, exitCode: 2 });
  }
  return new SecpiError('cli/cannot-write', `cannot write ${path}: ${error.message}`, { exitCode: 2, cause: error });
}

function nextSteps(path: string): string {
  return `
Next:
  export TEACHER_URL=http://…/v1   an OpenAI-compatible server; the recipe says where it is used
  secpi validate ${path}
  secpi plan ${path}               what would run, and what it would ask and cost
  secpi run ${path}
`;
}
