import { SecpiError } from '../../../base/errors.js';
import type { Json } from '../../../base/json.js';
import { askProgram } from '../../../base/processes/ask-program.js';
import type { PinnedFiles, StageEstimate } from '../../../engine/stage.js';
import type { StageServices } from '../../services.js';
import type { Analyser, AnalyserProgram } from './analyser.js';
import { bandit, banditProgram } from './bandit.js';
import type { AnalysersParams } from './params.js';
import { semgrep, semgrepProgram } from './semgrep.js';

type Programs = StageServices['programs'];
type Services = Pick<StageServices, 'catalogue' | 'programs'>;

const PROGRAMS = { bandit: banditProgram, semgrep: semgrepProgram } as const;
const NAMES = Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[];

/** Python's start alone may take seconds on a machine that is busy. */
const VERSION_SECONDS = 60;

/** An analyser that a recipe names, with its version; without one it is not on this machine. */
export interface NamedAnalyser {
  readonly analyser: Analyser;
  readonly version: string | undefined;
}

/** Whether a recipe names any. */
export function namesAnalysers(params: AnalysersParams | undefined): params is AnalysersParams {
  return NAMES.some((name) => params?.[name] !== undefined);
}

/** The versions of the analysers that are named; `null`: it is not there. */
async function versionsOf(
  params: AnalysersParams,
  programs: Programs,
): Promise<Readonly<Record<string, string | null>>> {
  const named = NAMES.filter((name) => params[name] !== undefined);
  const versions = await Promise.all(named.map((name) => versionOf(PROGRAMS[name], programs)));
  return Object.fromEntries(named.map((name, index) => [name, versions[index] ?? null]));
}

/** What decides what they find, also that one is not there. */
export async function analyserPins(
  params: AnalysersParams,
  { programs }: Pick<StageServices, 'programs'>,
  files: PinnedFiles,
): Promise<Json> {
  const versions = await versionsOf(params, programs);
  return params.semgrep === undefined
    ? versions
    : { ...versions, semgrep_rules: await files.file(params.semgrep.config) };
}

/** What a plan says of them: which ones look at the code, or why the stage would fail. */
export async function analysersAhead(params: AnalysersParams, services: Services): Promise<StageEstimate> {
  try {
    const analysers = await openAnalysers(params, services);
    const details = analysers.map(({ analyser: { program }, version }) =>
      version === undefined
        ? `${program.name} is not on this machine: no code is looked at by it`
        : `code is looked at by ${program.name} ${version}`,
    );
    return { details };
  } catch (error) {
    if (!(error instanceof SecpiError)) throw error;
    const { code, message, hint } = error;
    return { refusal: { code, message, ...(hint === undefined ? {} : { hint }) } };
  }
}

async function versionOf(program: AnalyserProgram, programs: Programs): Promise<string | undefined> {
  const said = await askProgram(program.versionArgv, { ...programs, ...program.env }, VERSION_SECONDS);
  return said === null ? undefined : program.version(said);
}

/**
 * The analysers that a recipe names, in the order in which secpi knows them.
 *
 * @throws SecpiError `curate/no-analyser` where one is missing that must not be; `curate/bad-analyser-rules`.
 */
export async function openAnalysers(
  params: AnalysersParams,
  { catalogue, programs }: Services,
): Promise<readonly NamedAnalyser[]> {
  const versions = await versionsOf(params, programs);
  for (const name of NAMES) {
    if (versions[name] === null && params[name]?.on_missing === 'stop') throw missing(PROGRAMS[name]);
  }
  const analysers = [
    ...(params.bandit === undefined ? [] : [bandit(catalogue)]),
    ...(params.semgrep === undefined ? [] : [await semgrep(catalogue, params.semgrep.config)]),
  ];
  return analysers.map((analyser) => ({ analyser, version: versions[analyser.program.name] ?? undefined }));
}

function missing({ name, hint }: AnalyserProgram): SecpiError {
  return new SecpiError('curate/no-analyser', `curate.analysers names ${name}, which is not on this machine`, {
    hint: `${hint} Or go on without: \`curate: { analysers: { ${name}: { on_missing: unverified } } }\` counts all code as not looked at by it.`,
  });
}
