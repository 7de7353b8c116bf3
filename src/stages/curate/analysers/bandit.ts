import * as z from 'zod';
import type { Catalogue } from '../../../security/catalogue.js';
import type { Analyser, AnalyserProgram } from './analyser.js';
import { catalogueRules } from './catalogue-rules.js';

export const banditProgram: AnalyserProgram = {
  name: 'bandit',
  versionArgv: ['bandit', '--version'],
  // What it can read is what its Python can.
  version(said) {
    const [, own, python] = /^bandit (\S+)[\s\S]*?python version = (\S+)/.exec(said) ?? [];
    return own === undefined ? undefined : `${own} with Python ${python}`;
  },
  env: {},
  hint: 'Install it, for example with `pipx install bandit`.',
};

/** What is read of `--format json`. */
const printedSchema = z.object({
  errors: z.array(z.object({ filename: z.string(), reason: z.string() })),
  // One entry for each file that it opened, also for those that it could not read.
  metrics: z.record(z.string(), z.unknown()),
  results: z.array(
    z.object({ filename: z.string(), test_id: z.string(), line_number: z.int().nonnegative(), issue_text: z.string() }),
  ),
});

/**
 * Bandit. Its rules are those that the catalogue lists: each names a weakness itself, but `B404` names CWE-78 wherever `subprocess` is imported.
 */
export function bandit(catalogue: Catalogue): Analyser {
  return {
    program: banditProgram,
    endings: { python: 'py' },
    rules: catalogueRules(catalogue, banditProgram.name, ['python']),
    // A comment in the code (`# nosec`) must not hide anything.
    argv: ['bandit', '--quiet', '--recursive', 'code', '--format', 'json', '--ignore-nosec', '--exit-zero'],
    seconds: { begin: 10, file: 0.1 },
    mebibytes: 2048,
    read(printed) {
      const { errors, metrics, results } = printedSchema.parse(JSON.parse(printed));
      return {
        findings: results.map(({ filename, test_id, line_number, issue_text }) => ({
          file: filename,
          rule: test_id,
          line: line_number,
          says: issue_text,
        })),
        looked: new Set(Object.keys(metrics)),
        unread: new Map(errors.map(({ filename, reason }) => [filename, reason])),
      };
    },
  };
}
