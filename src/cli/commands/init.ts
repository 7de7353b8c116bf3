import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { hintFor, sentenceOf } from '../../base/files/system-error.js';
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
    throw await refusal(error as NodeJS.ErrnoException, path, environment);
  }
  if (options.json === true) writeJson({ type: 'written', path }, environment);
  else environment.stdout.write(`wrote ${shownPath(path, environment)}\n${nextSteps(shownPath(path, environment))}`);
  return 0;
}

async function refusal(error: NodeJS.ErrnoException, path: string, environment: CliEnvironment): Promise<SecpiError> {
  const isFile = async (name: string) => (await stat(name).catch(() => undefined))?.isFile() === true;
  if (error.code === 'EEXIST' && (await isFile(path))) {
    const hint = 'Choose another name, or overwrite it with --force.';
    return new SecpiError('cli/file-exists', `${shownPath(path, environment)} is there already`, { hint, exitCode: 2 });
  }
  const why = (await isFile(dirname(path)))
    ? `cannot write ${path}: ${dirname(path)} is no folder`
    : error.code === 'EEXIST'
      ? `cannot write ${path}: it is a folder`
      : sentenceOf(error);
  return new SecpiError('cli/cannot-write', why, { hint: hintFor(error), exitCode: 2, cause: error });
}

function nextSteps(path: string): string {
  const steps = [
    ['export TEACHER_URL=http://…/v1', 'an OpenAI-compatible server; the recipe says where it is used'],
    [`secpi validate ${path}`, 'whether anything is wrong with it'],
    [`secpi plan ${path}`, 'what would run, and what it would ask and cost'],
    [`secpi run ${path}`, 'all of it; the same command continues after a stop'],
  ];
  const width = Math.max(...steps.map(([command = '']) => command.length));
  return `\nNext:\n${steps.map(([command = '', what]) => `  ${command.padEnd(width)}  ${what}\n`).join('')}`;
}
