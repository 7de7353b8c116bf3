import type { ClusterJob } from './cluster-job.js';

/** Where a job's values lie, and whom it shares its folder with. */
interface Preparation {
  /** A folder with one file for each variable; left out where the system itself sets them. */
  readonly values?: string;
  /** In words of the shell, what tells those apart that prepare in one folder at a time. */
  readonly own?: string;
}

/**
 * The part of a job that is the same everywhere, in POSIX shell: writes the recipe into the current folder, checks the files that were
 * brought, reads what the environment has to hold. Nothing of a recipe is shell here: its text stands in a quoted here-document, and
 * names of variables were checked.
 */
export function preparation(job: ClusterJob, { values, own = '' }: Preparation = {}): string {
  return [
    `fail() { printf 'secpi job: %s\\n' "$1" >&2; exit 2; }`,
    '',
    hereDocument('recipe.yaml', job.recipe.text, `recipe.yaml${own}.new`),
    ...(job.recipe.inputs.length === 0 ? [] : ['', CHECK_INPUTS]),
    ...(job.variables.length === 0 ? [] : ['', ...job.variables.map((name) => needed(name, values))]),
    '',
  ].join('\n');
}

/** The command that is the run, in words for a shell; of several members, the one that the variable `member` names. */
export function runCommand({ secpi, members }: ClusterJob): string {
  return `${quoted(secpi)} run recipe.yaml${members.length > 0 ? ' --member="$member"' : ''}`;
}

/**
 * Half of what was to be copied is worse than nothing: it would be trained on. Once is enough, as long as the list stays: a restarted job
 * does not hash a model of 60 GB again, and of those that begin together one does. Where the disk has no such locks, each of them does.
 */
const CHECK_INPUTS = `[ -f inputs/SHA256SUMS ] || fail 'the files of the recipe are not here: copy the folder inputs to '"$PWD"
if ! cmp -s inputs/SHA256SUMS inputs/CHECKED; then
  (
    cd inputs
    flock 9 2>/dev/null || true
    cmp -s SHA256SUMS CHECKED || { sha256sum --check --quiet SHA256SUMS && cp SHA256SUMS CHECKED; }
  ) 9> inputs/CHECKING || fail 'the files of the recipe are incomplete: copy the folder inputs again'
fi`;

function needed(name: string, values: string | undefined): string {
  if (values === undefined) return `[ -n "\${${name}:-}" ] || fail '${name} is not set'`;
  const file = `${values}/${name}`;
  return `[ -s ${file} ] || fail 'there is no ${file}, which holds the value of ${name}'\n${name}=$(cat ${file}); export ${name}`;
}

/** Writes a text that ends in a line feed, whole or not at all, whatever stands in it. Others may be reading the same. */
function hereDocument(file: string, text: string, unfinished: string): string {
  const end = endOf(text);
  return `cat > ${unfinished} <<'${end}'\n${text}${end}
if cmp -s ${unfinished} ${file}; then rm ${unfinished}; else mv ${unfinished} ${file}; fi`;
}

const FIRST = 'E%~@=+^:,./?XYZQWKJVUxyzqwkjv0123456789ABCDFGHILMNOPRST';

/**
 * A line that ends a here-document of that text. None of the text begins as it does: dash (0.5.12) loses a byte of a line that begins like the
 * end and goes on with one that is not ASCII.
 */
function endOf(text: string): string {
  const lines = text.split('\n');
  const begun = new Set(lines.map((line) => line.charAt(0)));
  const first = [...FIRST].find((character) => !begun.has(character));
  if (first !== undefined) return `${first}ND_OF_RECIPE`;
  // Of a text whose lines begin with everything there is, that no line is it has to do.
  let end = 'END_OF_RECIPE';
  while (lines.includes(end)) end += '_';
  return end;
}

/** One word for a shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
