import type * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { PlacedYaml, YamlProblem } from '../../base/placed-yaml.js';
import { dotted } from '../../recipe/path.js';

/** A value may stand for so many others at most. */
const MOST_ALIASES = 100;

/**
 * Reads the text of one of a suite's YAML files; `file` is used in messages only.
 * @throws SecpiError `suites/bad-problem` that names the file, the line and every wrong field.
 */
export function parseYamlFile<T>(file: string, source: string, schema: z.ZodType<T>): T {
  try {
    return new PlacedYaml(source, MOST_ALIASES).read(schema);
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    const { mistakes, place } = error;
    const said = mistakes.map(({ keys, message }) =>
      keys === undefined ? message : `${dotted(keys) || 'the file'}: ${message}`,
    );
    const where = place === undefined ? file : `${file}:${place.line}:${place.column}`;
    throw new SecpiError('suites/bad-problem', `${where}: ${said.join('; ')}`, {
      location: place && { file, ...place },
      hint: 'docs/suites.md says what the files of a suite hold.',
      exitCode: 2,
    });
  }
}
