import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { copyTree } from '../../base/files/copy.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { writeText } from '../../base/files/write-text.js';
import { sha256File } from '../../base/hash.js';
import { checksumLine } from '../../export/checksums.js';
import type { ClusterJob, JobResources } from '../../export/cluster-job.js';
import type { PortableInput } from '../../export/portable-recipe.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath, writeJson } from '../output.js';
import { readExportedRecipe } from '../recipes/exported-recipe.js';
import type { OutputOptions } from '../recipes/run-options.js';

/** Options that every system takes. */
export interface ExportOptions extends OutputOptions, JobResources {
  readonly set: readonly string[];
  readonly member: readonly string[];
  readonly output?: string;
  readonly force?: boolean;
  readonly secpi: string;
  readonly secret: readonly string[];
}

/** What is written for a job, the job itself first, and what to type then. */
export interface ExportedFiles {
  readonly files: Readonly<Record<string, string>>;
  readonly next: readonly string[];
}

const INPUTS = 'inputs';

/**
 * `secpi export`: writes a run as a job of a cluster that secpi does not drive. To standard output, or with everything that it needs into a
 * folder. The job is made of recipe and options alone: the same give the same bytes. `sweeps`: several members can be one job.
 */
export async function exportCommand(
  path: string,
  options: ExportOptions,
  environment: CliEnvironment,
  write: (job: ClusterJob) => ExportedFiles,
  { sweeps }: { readonly sweeps: boolean } = { sweeps: false },
): Promise<number> {
  const { name, portable, members, variables } = await readExportedRecipe(path, { ...options, sweeps }, environment);
  const { gpus, gpuKind, cpus, memory, secpi } = options;
  const { version } = environment;
  const resources = { gpus, gpuKind, cpus, memory };
  const { files, next } = write({ name, recipe: portable, members, version, secpi, variables, resources });
  const [[file = '', text = ''] = []] = Object.entries(files);
  const told = { variables, ...(members.length > 0 ? { members } : {}) };
  if (options.output === undefined) {
    if (options.json === true) writeJson({ type: 'export', file, text, ...told }, environment);
    else environment.stdout.write(text);
    if (portable.inputs.length > 0) {
      const note = `the recipe reads ${portable.inputs.length} files or folders of this machine; -o FOLDER writes them beside the job`;
      environment.stderr.write(`note: ${note}\n`);
    }
    return 0;
  }
  const folder = resolve(environment.workingDirectory, options.output);
  using interrupt = abortOnSignals();
  await writeFolder(folder, files, portable.inputs, options.force === true, environment, interrupt.signal);
  if (options.json === true) {
    const names = [...Object.keys(files), ...(portable.inputs.length > 0 ? [INPUTS] : [])];
    writeJson({ type: 'written', path: folder, files: names, ...told }, environment);
  } else {
    const shown = shownPath(folder, environment);
    environment.stdout.write(`wrote ${shown}\n\nNext:\n${next.map((line) => `  ${line}\n`).join('')}`);
  }
  return 0;
}

/** Nothing else that lies in the folder is touched: it may be one that an earlier job still uses. The job comes last. */
async function writeFolder(
  folder: string,
  files: Readonly<Record<string, string>>,
  inputs: readonly PortableInput[],
  force: boolean,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<void> {
  const taken = [...Object.keys(files), INPUTS].find((name) => existsSync(join(folder, name)));
  if (taken !== undefined && !force) {
    const hint = 'Choose another folder, or overwrite it with --force.';
    throw new SecpiError('cli/file-exists', `${shownPath(join(folder, taken), environment)} is there already`, {
      hint,
      exitCode: 2,
    });
  }
  await makeDirectory(folder);
  await rm(join(folder, INPUTS), { recursive: true, force: true });
  for (const { from, to } of inputs) await copyTree(from, join(folder, to), signal);
  if (inputs.length > 0) await writeText(join(folder, INPUTS, 'SHA256SUMS'), await checksums(folder, signal));
  for (const [name, text] of Object.entries(files).toReversed()) await writeText(join(folder, name), text);
}

/** Of what was copied, not of what was to be. */
async function checksums(folder: string, signal: AbortSignal): Promise<string> {
  const entries = await readdir(join(folder, INPUTS), { recursive: true, withFileTypes: true });
  const root = join(folder, INPUTS);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const lines: string[] = [];
  for (const path of paths.sort()) {
    lines.push(checksumLine(await sha256File(path, signal), path.slice(root.length + 1)));
  }
  return lines.join('');
}
