import type { ClusterJob } from './cluster-job.js';

/**
 * The part of a job that is the same everywhere, in POSIX shell: writes the recipe into the current folder, checks the files that were
 * brought, reads what the environment has to hold. Nothing of a recipe is shell here: its text stands in a quoted here-document, and
 * names of variables were checked.
 *
 * @param values Where the variables' values lie, one file each; nothing where the system itself sets them.
 */
export function preparation(job: ClusterJob, values: string | undefined): string {
  return [
    `fail() { printf 'secpi job: %s\\n' "$1" >&2; exit 2; }`,
    '',
    hereDocument('recipe.yaml', job.recipe.text),
    ...(job.recipe.inputs.length === 0 ? [] : ['', CHECK_INPUTS]),
    ...(job.variables.length === 0 ? [] : ['', ...job.variables.map((name) => needed(name, values))]),
    '',
  ].join('\n');
}

/** The command that is the run, in words for a shell. */
export function runCommand({ secpi }: ClusterJob): string {
  return `${quoted(secpi)} run recipe.yaml`;
}

/**
 * Half of what was to be copied is worse than nothing: it would be trained on. Once is enough, as long as the list stays: a restarted job
 * does not hash a model of 60 GB again.
 */
const CHECK_INPUTS = `[ -f inputs/SHA256SUMS ] || fail 'the files of the recipe are not here: copy the folder inputs to '"$PWD"
if ! cmp -s inputs/SHA256SUMS inputs/CHECKED; then
  (cd inputs && sha256sum --check --quiet SHA256SUMS) || fail 'the files of the recipe are incomplete: copy the folder inputs again'
  cp inputs/SHA256SUMS inputs/CHECKED
fi`;

function needed(name: string, values: string | undefined): string {
  if (values === undefined) return `[ -n "\${${name}:-}" ] || fail '${name} is not set'`;
  const file = `${values}/${name}`;
  return `[ -s ${file} ] || fail 'there is no ${file}, which holds the value of ${name}'\n${name}=$(cat ${file}); export ${name}`;
}

/** Writes a text that ends in a line feed, whole or not at all, whatever stands in it. */
function hereDocument(file: string, text: string): string {
  const lines = new Set(text.split('\n'));
  let end = 'END_OF_RECIPE';
  while (lines.has(end)) end += '_';
  return `cat > ${file}.new <<'${end}'\n${text}${end}\nmv ${file}.new ${file}`;
}

/** One word for a shell. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
