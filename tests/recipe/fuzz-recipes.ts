/**
 * `npx tsx tests/recipe/fuzz-recipes.ts --cases 100000 [--seed N]`: the recipe fuzzer for as long as one likes. Prints what
 * was loaded and refused, the slowest case, and every case that broke a rule, made small, with what brings it back. Exits 1
 * if there is one.
 */
import { isUtf8 } from 'node:buffer';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { clip } from '../../src/base/clip.js';
import { fuzzFolder, judge } from './fuzz/judge.js';
import { type RecipeCase, recipeCase } from './fuzz/recipe-case.js';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const cases = Number(options.cases);
const seed = Number(options.seed);
/** A batch ends at the first case that breaks a rule; the next one goes on. */
const batchSize = 1000;
const maximumMilliseconds = 1000;

const say = (line: string) => process.stdout.write(`${line}\n`);
const figures = { cases: 0, accepted: 0, refused: 0, broken: 0 };
let slowest: { readonly milliseconds: number; readonly given?: RecipeCase } = { milliseconds: 0 };

/** Texts to be read, and bytes that are none in hexadecimal. */
function shown({ recipe, parent, overrides }: RecipeCase): string {
  const text = (bytes: Uint8Array) =>
    isUtf8(bytes) ? Buffer.from(bytes).toString() : Buffer.from(bytes).toString('hex');
  const below = text(recipe).includes('parent') ? { parent: text(parent) } : {};
  return JSON.stringify({ recipe: text(recipe), ...below, overrides });
}

await using folder = await fuzzFolder();
say(`seed ${seed}`);
for (let first = 0; first < cases; first += batchSize) {
  const property = fc.asyncProperty(recipeCase, async (given) => {
    const { accepted, milliseconds, broken } = await judge(folder, given);
    figures.cases += 1;
    figures[accepted ? 'accepted' : 'refused'] += 1;
    if (milliseconds > slowest.milliseconds) slowest = { milliseconds, given };
    if (milliseconds > maximumMilliseconds) broken.push(`took ${milliseconds.toFixed(0)} ms`);
    if (broken.length > 0) throw new Error(broken.join('; '));
  });
  const numRuns = Math.min(batchSize, cases - first);
  if (first > 0 && first % 10_000 === 0) say(`${figures.cases} cases, ${figures.broken} broken`);
  const found = await fc.check(property, { seed: seed + first, numRuns, interruptAfterTimeLimit: 600_000 });
  if (!found.failed) continue;
  figures.broken += 1;
  say(`\nbroken: ${found.errorInstance instanceof Error ? found.errorInstance.message : found.errorInstance}`);
  say(`  again with: --seed ${seed + first} --cases ${numRuns} (path ${found.counterexamplePath})`);
  for (const given of found.counterexample ?? []) say(`  ${shown(given)}`);
}
say('');
say(`cases    ${figures.cases}`);
say(`accepted ${figures.accepted}`);
say(`refused  ${figures.refused}`);
say(`broken   ${figures.broken}`);
say(`slowest  ${slowest.milliseconds.toFixed(0)} ms: ${slowest.given && clip(shown(slowest.given), 400)}`);
process.exitCode = figures.broken === 0 ? 0 : 1;
