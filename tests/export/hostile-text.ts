import fc from 'fast-check';

/** Pieces that mean something to a shell, to YAML, or to a batch script, and what no terminal shows. */
const pieces = [
  '$(touch canary)',
  '`touch canary`',
  '"; touch canary; "',
  "'; touch canary; '",
  '\ntouch canary\n',
  '\nEND_OF_RECIPE\ntouch canary\n',
  '\nE\u0300 END_OF_\u00e9\n',
  '\nEND_OF_R\u00e9cipe\n',
  '\nEND_OF_RECIPE_\ntouch canary\n',
  '\n#SBATCH --wrap="touch canary"\n',
  '\n---\nkind: Pod\n',
  '$IFS',
  '$HOME',
  '\\',
  '\\n',
  '\r',
  '\t',
  '\u0001',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\ufffe',
  '\u{1f600}',
  'ä',
  ' ',
  '- ',
  ': ',
  ' #',
  '&a',
  '*a',
  '<<',
  '!!python/object/apply:os.system',
  'yes',
  '1_000',
  '0o17',
  '12:30:00',
  'null',
];

/** Text of somebody who means no good; without references to variables, which recipes refuse. */
export const hostileText = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'grapheme', maxLength: 5 })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join('').replaceAll('${', '$'));

/** A name that a file can have. */
export const hostileName = hostileText
  .map((text) => text.replaceAll(/[/\0]/g, '_').slice(0, 60).toWellFormed())
  .filter((name) => name !== '.' && name !== '..' && name !== '');
