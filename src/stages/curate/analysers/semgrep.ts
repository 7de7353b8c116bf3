import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import * as z from 'zod';
import { SecpiError } from '../../../base/errors.js';
import { dataProblem } from '../../../base/zod-message.js';
import { normaliseLanguage } from '../../../datasets/languages/language-names.js';
import type { Catalogue } from '../../../security/catalogue.js';
import type { Analyser, AnalyserProgram, AnalyserRule } from './analyser.js';

export const semgrepProgram: AnalyserProgram = {
  name: 'semgrep',
  versionArgv: ['semgrep', '--version'],
  version: (said) => /^\d+\.\S+/.exec(said)?.[0],
  // It would ask for a newer version of itself, and send what it was used for.
  env: { SEMGREP_ENABLE_VERSION_CHECK: '0', SEMGREP_SEND_METRICS: 'off' },
  hint: 'Install it, for example with `pipx install semgrep`.',
};

const ENDINGS = {
  c: 'c',
  cpp: 'cpp',
  csharp: 'cs',
  go: 'go',
  java: 'java',
  javascript: 'js',
  kotlin: 'kt',
  php: 'php',
  python: 'py',
  ruby: 'rb',
  rust: 'rs',
  shell: 'sh',
  typescript: 'ts',
};

/** Its words for rules that look at text, of whatever language. */
const OF_ANY_LANGUAGE = ['generic', 'regex'];

/** What is read of a file of rules, and of `--json`. */
const rulesSchema = z.object({
  rules: z
    .array(
      z.object({
        id: z.string().min(1),
        languages: z.array(z.string()),
        metadata: z.object({ cwe: z.union([z.string(), z.array(z.string())]).optional() }).optional(),
      }),
    )
    .min(1),
});
const printedSchema = z.object({
  results: z.array(
    z.object({
      check_id: z.string(),
      path: z.string(),
      start: z.object({ line: z.int().nonnegative() }),
      extra: z.object({ message: z.string() }),
    }),
  ),
  // Those with a path are of code that it could not parse to its end.
  errors: z.array(z.object({ path: z.string().optional(), message: z.string().optional() })),
  paths: z.object({ scanned: z.array(z.string()) }),
});

/**
 * Semgrep with the rules of a file. Which weaknesses a rule speaks of it says itself (`metadata.cwe`), as those of Semgrep's registry do, or the
 * catalogue lists its id.
 *
 * @throws SecpiError `curate/bad-analyser-rules`.
 */
export async function semgrep(catalogue: Catalogue, config: string): Promise<Analyser> {
  return {
    program: semgrepProgram,
    endings: ENDINGS,
    rules: await rulesIn(config, catalogue),
    argv: [
      ...['semgrep', 'scan', '--config', config, '--json', '--quiet', '--metrics', 'off', '--disable-version-check'],
      // Neither a comment in the code (`nosemgrep`) nor a list of what to pass over must hide anything.
      ...['--disable-nosem', '--no-git-ignore', '--no-rewrite-rule-ids', 'code'],
    ],
    seconds: { begin: 60, file: 2 },
    mebibytes: 8192,
    read(printed) {
      const { results, errors, paths } = printedSchema.parse(JSON.parse(printed));
      return {
        findings: results.map(({ check_id, path, start, extra }) => ({
          file: path,
          rule: check_id,
          line: start.line,
          says: extra.message,
        })),
        looked: new Set(paths.scanned),
        unread: new Map(
          errors.flatMap(({ path, message = 'no reason given' }) =>
            path === undefined ? [] : [[path, message] as const],
          ),
        ),
      };
    },
  };
}

async function rulesIn(config: string, catalogue: Catalogue): Promise<readonly AnalyserRule[]> {
  try {
    const { rules } = rulesSchema.parse(parse(await readFile(config, 'utf8')));
    return rules.map(({ id, languages, metadata }) => {
      const own = [metadata?.cwe ?? []].flat().flatMap((cwe) => /CWE-\d+/.exec(cwe)?.[0] ?? []);
      const listed = [...catalogue.entries.values()].filter(({ analyser_rules }) =>
        analyser_rules.semgrep?.some((known) => known === id || known.endsWith(`.${id}`)),
      );
      return {
        id,
        cwes: [...new Set([...own, ...listed.map((entry) => entry.id)])],
        languages: languages.some((name) => OF_ANY_LANGUAGE.includes(name))
          ? Object.keys(ENDINGS)
          : languages.map(normaliseLanguage),
      };
    });
  } catch (cause) {
    throw new SecpiError(
      'curate/bad-analyser-rules',
      `${config} holds no rules that Semgrep can use: ${dataProblem(cause)}`,
      {
        hint: '`curate.analysers.semgrep.config` names a YAML file of rules, each with `id` and `languages`.',
        cause,
      },
    );
  }
}
