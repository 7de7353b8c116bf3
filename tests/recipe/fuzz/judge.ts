import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecpiError } from '../../../src/base/errors.js';
import { pipelineOf, type Recipe, recipeSchema } from '../../../src/pipeline.js';
import { type Diagnostic, RecipeError } from '../../../src/recipe/diagnostic.js';
import { type LoadedMember, type LoadedRecipe, loadMembers } from '../../../src/recipe/load-recipe.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import type { RecipeCase } from './recipe-case.js';

export interface Verdict {
  readonly accepted: boolean;
  /** Wall time of loading once, the quicker of two: what else the machine does is not the case's fault. */
  readonly milliseconds: number;
  /** What must never happen, in words. */
  readonly broken: string[];
}

const environment = { HERE: 'http://localhost:8000/v1', EMPTY: '' };

/** A folder with the data files that sound recipes name. */
export async function fuzzFolder(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  for (const name of ['tasks', 'classifier', 'teacher', 'naive', 'texts'])
    await folder.write(`quickstart/${name}.jsonl`, '');
  await folder.write('rows.jsonl', '');
  return folder;
}

/**
 * Loads a case twice, from files as the command line does, and holds what comes out against the rules: a value or an error
 * of ours, every place inside its text, places in order, no stack trace, the same both times.
 */
export async function judge(folder: TemporaryFolder, given: RecipeCase): Promise<Verdict> {
  writeFileSync(join(folder.path, 'recipe.yaml'), given.recipe);
  // Opening a file costs as much as reading a recipe.
  if (Buffer.from(given.recipe).includes('parent')) writeFileSync(join(folder.path, 'parent.yaml'), given.parent);
  const load = async () => {
    const started = performance.now();
    const outcome = await outcomeOf(given.overrides, folder.path);
    return { outcome, milliseconds: performance.now() - started };
  };
  const [first, again] = [await load(), await load()];
  const { outcome } = first;
  const broken = 'members' in outcome ? outcome.members.flatMap(rulesOfRecipe) : rulesOfError(outcome, given);
  if (factsOf(outcome) !== factsOf(again.outcome)) broken.push('loading it again gives something else');
  const milliseconds = Math.min(first.milliseconds, again.milliseconds);
  return { accepted: 'members' in outcome, milliseconds, broken };
}

type Outcome = { readonly members: readonly LoadedMember<Recipe>[] } | { readonly error: unknown };

async function outcomeOf(overrides: readonly string[], workingDirectory: string): Promise<Outcome> {
  try {
    const options = { path: 'recipe.yaml', schema: recipeSchema, overrides, environment, workingDirectory };
    return { members: await loadMembers(options) };
  } catch (error) {
    return { error };
  }
}

/** What two loads of the same have to agree in. */
function factsOf(outcome: Outcome): string {
  if ('members' in outcome) return JSON.stringify(outcome);
  const { error } = outcome;
  return JSON.stringify(error instanceof RecipeError ? [error.message, error.diagnostics] : String(error));
}

function rulesOfRecipe(recipe: LoadedRecipe<Recipe>): string[] {
  const text = JSON.stringify(recipe.written);
  const broken = [];
  // An escape, not the text of one: an even number of backslashes stands for themselves.
  if (/(?<!\\)(?:\\\\)*\\ud[89a-f]/i.test(text)) broken.push('accepted with half of a surrogate pair');
  try {
    pipelineOf(recipe.value);
  } catch (error) {
    broken.push(`accepted, but it makes no flow: ${error}`);
  }
  return broken;
}

function rulesOfError({ error }: { readonly error: unknown }, given: RecipeCase): string[] {
  if (!(error instanceof SecpiError))
    return [`threw what is no error of ours: ${error instanceof Error ? error.stack : error}`];
  const broken = [];
  if (!/^[a-z]+\/[a-z-]+$/.test(error.code)) broken.push(`has the code "${error.code}"`);
  if (error.exitCode !== 2) broken.push(`has the exit code ${error.exitCode}`);
  if (/\n\s+at .+:\d+:\d+|node_modules|RangeError|TypeError|call stack/.test(error.message))
    broken.push('shows a stack trace');
  if (error.message.length > 50_000) broken.push(`has a message of ${error.message.length} characters`);
  if (error instanceof RecipeError) broken.push(...rulesOfDiagnostics(error.diagnostics, given));
  return broken;
}

function rulesOfDiagnostics(diagnostics: readonly Diagnostic[], given: RecipeCase): string[] {
  const broken = diagnostics.length === 0 ? ['is refused without saying why'] : [];
  // A recipe may also extend a data file, which is empty.
  const files = ['recipe.yaml', 'parent.yaml'];
  const texts = [given.recipe, given.parent].map((bytes) => new TextDecoder().decode(bytes).split('\n'));
  const ranks = diagnostics.map(({ location, message }) => {
    if (location === undefined) return [files.length + 1, 0, 0];
    const file = files.includes(location.file) ? files.indexOf(location.file) : files.length;
    const line = (texts[file] ?? [''])[location.line - 1];
    if (line === undefined || location.column < 1 || location.column > line.length + 1) {
      broken.push(`points out of the text, at ${location.file}:${location.line}:${location.column}: ${message}`);
    }
    return [file, location.line, location.column];
  });
  const sorted = ranks.toSorted(
    (a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1]) || Number(a[2]) - Number(b[2]),
  );
  if (JSON.stringify(ranks) !== JSON.stringify(sorted)) broken.push('shows mistakes out of order');
  return broken;
}
