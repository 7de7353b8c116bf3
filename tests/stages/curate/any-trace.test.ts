import fc from 'fast-check';
import { expect, it } from 'vitest';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { curateParams } from '../../../src/stages/curate/params.js';
import { FILTERS } from '../../../src/stages/curate/records.js';
import { sifted } from '../../../src/stages/curate/sift.js';
import { SuiteTexts } from '../../../src/stages/decontamination.js';
import type { Trace } from '../../../src/stages/trace/records.js';
import { aRelevantTask, aTrace } from '../../support/records.js';
import { stageHome, testServices } from '../../support/stage-flow.js';

const catalogue = loadCatalogue();
const context = {
  params: curateParams.parse({ decontaminate: ['mini'] }),
  catalogue,
  usualLength: new Map<string, number>(),
};

const word = fc.constantFrom(
  ...'the hint as I was told, given to me . ! `x` "y" <think> </think> ```python ``` ~~~ ```\n def f(x): return eval(x)\n os.system( SELECT * FROM 1. ... ${ #{ \\ \0 \u2028 \ud83d \udc00 İ ß ﬁ é 漢字'.split(
    ' ',
  ),
  '\n',
  '\n\n',
  ' ',
  '',
);
// What comes from a file or a model was made well-formed where it came in.
const text = fc
  .oneof(
    fc.array(word, { maxLength: 60 }).map((words) => words.join(' ')),
    fc.array(word, { maxLength: 60 }).map((words) => words.join('')),
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.tuple(word, fc.nat({ max: 2000 })).map(([one, times]) => one.repeat(times)),
  )
  .map((one) => one.toWellFormed());
const languages = [
  'python',
  'c',
  'cpp',
  'go',
  'java',
  'javascript',
  'php',
  'ruby',
  'rust',
  'shell',
  'sql',
  'kotlin',
  'csharp',
];
const trace: fc.Arbitrary<Trace> = fc
  .record({
    prompt: text,
    language: fc.constantFrom(...languages, 'unknown', '__proto__', 'constructor'),
    cwes: fc.uniqueArray(fc.constantFrom(...catalogue.entries.keys()), { minLength: 1, maxLength: 5 }),
    reasoning: fc.option(text),
    answer: text,
    finish: fc.constantFrom('stop', 'length', 'content_filter', 'other'),
  })
  .map(({ prompt, language, cwes, ...rest }) => aTrace({ ...rest, task: aRelevantTask({ prompt, language, cwes }) }));

it('every filter has a verdict on every trace, however odd', async () => {
  await using home = await stageHome();
  const contamination = await SuiteTexts.open(['mini'], testServices(home));
  await fc.assert(
    fc.asyncProperty(fc.array(trace, { minLength: 1, maxLength: 4 }), async (traces) => {
      async function* each() {
        yield* traces;
      }
      let looked = 0;
      for await (const group of sifted(each(), { context, contamination, analysed: undefined, on: new Set(FILTERS) })) {
        for (const { verdicts } of group) {
          looked += 1;
          for (const name of FILTERS) {
            const verdict = verdicts.get(name);
            expect(typeof verdict === 'object' ? typeof verdict.detail : verdict, name).toMatch(
              /^(pass|unverified|string)$/,
            );
          }
        }
      }
      expect(looked).toBe(traces.length);
    }),
    { numRuns: 200 },
  );
});
