import { SecpiError } from '../../base/errors.js';
import { nearestName } from '../../base/suggestion.js';
import { type Recipe, recipeSchema } from '../../pipeline.js';
import { type LoadedMember, type LoadedSweep, loadSweep } from '../../recipe/load-recipe.js';
import type { CliEnvironment } from '../environment.js';

/** One of the recipes that the file stands for; without a matrix there is one, and it has no name. */
export type RecipeMember = LoadedMember<Recipe>;

/** At least one. */
export type RecipeMembers = readonly [RecipeMember, ...RecipeMember[]];

/** What the command line says of the recipe. */
interface MemberChoice {
  readonly set: readonly string[];
  readonly member?: readonly string[];
}

/** `standIns`: for whoever asks nobody, variables that are not set need not be. */
interface Reading {
  readonly standIns?: boolean;
}

const namesShown = 6;

/**
 * The recipe that a command works on, or those that its matrix stands for: all of them, or the ones that `member` names. Throws
 * `RecipeError` with every mistake and its place, and `cli/unknown-member`.
 */
export async function readMembers(
  path: string,
  choice: MemberChoice,
  environment: Pick<CliEnvironment, 'variables' | 'workingDirectory'>,
  reading: Reading = {},
): Promise<RecipeMembers> {
  return (await readSweep(path, choice, environment, reading)).chosen;
}

/** As `readMembers`, with the others and what all have in common. */
export async function readSweep(
  path: string,
  { set, member = [] }: MemberChoice,
  environment: Pick<CliEnvironment, 'variables' | 'workingDirectory'>,
  { standIns = false }: Reading = {},
): Promise<{ readonly sweep: LoadedSweep<Recipe>; readonly chosen: RecipeMembers }> {
  const { variables, workingDirectory } = environment;
  const options = { path, schema: recipeSchema, overrides: set, environment: variables, workingDirectory, standIns };
  const sweep = await loadSweep(options);
  const all = sweep.members;
  const named = member.map(withPlainNumbers);
  for (const name of named) if (!all.some((one) => one.member === name)) throw unknownMember(name, all);
  const [first, ...others] = named.length === 0 ? all : all.filter((one) => named.includes(one.member));
  if (first === undefined) throw new TypeError('a recipe stands for at least one run');
  return { sweep, chosen: [first, ...others] };
}

/** A name in which numbers stand as somebody may have written them in the recipe: `5.0e-5` is called `0.00005`. */
function withPlainNumbers(name: string): string {
  return name.replace(/=([-+.\deE]+)(?=,|$)/g, (whole, value: string) =>
    Number.isFinite(Number(value)) ? `=${Number(value)}` : whole,
  );
}

function unknownMember(name: string, members: readonly RecipeMember[]): SecpiError {
  const names = members.map(({ member }) => member).filter((one) => one !== '');
  const near = nearestName(name, names);
  const hint =
    names.length === 0
      ? 'The recipe has no `matrix`, and so no members.'
      : near === undefined
        ? `Its members are: ${namesOf(members)}`
        : `Did you mean "${near}"?`;
  return new SecpiError('cli/unknown-member', `the recipe has no member "${name}"`, { hint, exitCode: 2 });
}

/** As many names of members as anybody reads. */
export function namesOf(members: readonly RecipeMember[]): string {
  const shown = members.slice(0, namesShown).map(({ member }) => `"${member}"`);
  const more = members.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}
