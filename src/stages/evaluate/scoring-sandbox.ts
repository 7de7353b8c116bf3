import type * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import type { StageEvent } from '../../engine/runs/event.js';
import { type HeldSandbox, LANGUAGES, type Language } from '../../sandbox/sandbox.js';
import type { SandboxFacts } from '../../sandbox/sandbox-facts.js';
import { benchId } from '../../suites/bench.js';
import type { Suite } from '../../suites/suite.js';
import type { StageServices } from '../services.js';
import type { evaluateParams } from './evaluate.js';

type Params = z.infer<typeof evaluateParams>;
/** How answers are judged. */
type JudgingParams = Pick<Params, 'without_sandbox' | 'score_on' | 'score_concurrency'>;

/** What judging reaches, whoever wants it: the stage, or somebody with samples alone. */
export interface JudgingContext {
  readonly params: JudgingParams;
  readonly services: Pick<StageServices, 'sandbox' | 'sandboxOn' | 'keptJudgements'>;
  readonly signal: AbortSignal;
  readonly emit: (event: StageEvent) => void;
}

/**
 * What of the sandbox of this machine decides scores: another compiler may come to other verdicts, so answers are judged again with it. Of
 * another machine nobody has to be asked: that it isolates and has all that the suites need is checked there, and its versions stand in
 * `scores.json`.
 */
export async function benchPin(
  params: Pick<Params, keyof JudgingParams | 'suites'>,
  services: Pick<StageServices, 'sandboxFacts' | 'suitePacks'>,
): Promise<Readonly<Record<string, Json>>> {
  if (params.score_on !== undefined) return { sandbox: 'bubblewrap', toolchains: [...LANGUAGES].sort() };
  const facts = await services.sandboxFacts(isolation(params));
  const packs = Object.keys(params.suites).flatMap((name) => services.suitePacks(name));
  return { sandbox: facts.level.kind, toolchains: { ...facts.toolchains }, bench: benchId(facts, packs) };
}

/**
 * The sandbox that answers are scored in, with its compilers warmed up. Names the languages that cannot be scored here, and what that
 * leaves out. Throws `evaluate/no-toolchain` where that is another machine.
 */
export async function openScoringSandbox(context: JudgingContext, suites: readonly Suite[]): Promise<HeldSandbox> {
  const sandbox = await open(context);
  try {
    requirePacks(suites, sandbox, context.params);
    await prepareLanguages(suites, sandbox, context);
    sayMissing(suites, context);
    return sandbox;
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Refuses what answers cannot be judged by at all: a suite that was not set up is a mistake, where a missing compiler costs some problems.
 * @throws SecpiError `suites/not-set-up`, `evaluate/only-here`
 */
export function requirePacks(
  suites: readonly Suite[],
  { packs }: Pick<SandboxFacts, 'packs'>,
  { score_on }: JudgingParams,
): void {
  for (const { name, problems, needs } of suites) {
    if (score_on !== undefined && problems.some((problem) => needs(problem).containers !== undefined)) {
      throw new SecpiError(
        'evaluate/only-here',
        `${name} is judged in containers of this machine, and not on ${score_on}`,
        {
          hint: 'Leave `score_on` out, or start the run on that machine.',
          exitCode: 2,
        },
      );
    }
    const missing = new Set(problems.flatMap((problem) => needs(problem).packs).filter((pack) => !(pack in packs)));
    if (missing.size === 0) continue;
    const where = score_on === undefined ? 'here' : `on ${score_on}`;
    throw new SecpiError(
      'suites/not-set-up',
      `${name} was not set up ${where}: there is no ${[...missing].join(', ')}`,
      {
        hint: `\`secpi suites setup ${[...missing].join(' ')}\` makes it${score_on === undefined ? '' : ', typed there'}; an evaluation would have nothing to judge with.`,
      },
    );
  }
}

async function open({ params, services, signal, emit }: JudgingContext): Promise<HeldSandbox> {
  const { score_on } = params;
  if (score_on === undefined) {
    const sandbox = await services.sandbox(isolation(params));
    return { ...sandbox, [Symbol.asyncDispose]: async () => undefined };
  }
  const onNote = (message: string) => emit({ type: 'log', level: 'info', message });
  onNote(`opening the sandbox on ${score_on}`);
  return services.sandboxOn(score_on, { signal, onNote });
}

async function prepareLanguages(
  suites: readonly Suite[],
  sandbox: HeldSandbox,
  context: JudgingContext,
): Promise<void> {
  const { params, emit } = context;
  const needs = suites.flatMap((suite) => suite.problems.map((problem) => suite.needs(problem)));
  for (const language of new Set(needs.flatMap(({ languages }) => languages))) {
    if (sandbox.toolchains[language] !== undefined) {
      await prepare(language, sandbox, context);
      continue;
    }
    const count = needs.filter(({ languages }) => languages.includes(language)).length;
    if (params.score_on !== undefined) {
      throw new SecpiError(
        'evaluate/no-toolchain',
        `there is no ${language} toolchain in the sandbox on ${params.score_on}, and ${count} problems need it`,
        { hint: 'Install it there; without `score_on` this machine scores, and leaves out what it cannot.' },
      );
    }
    const message = `there is no ${language} toolchain here: ${count} problems are left out of the figures and counted as unverified`;
    emit({ type: 'log', level: 'warn', message });
  }
}

/** Names what of containers is not there, and what that leaves out. */
function sayMissing(suites: readonly Suite[], { emit }: JudgingContext): void {
  for (const { name, problems, needs } of suites) {
    const missing = problems.flatMap((problem) => needs(problem).containers?.missing ?? []);
    for (const what of new Set(missing)) {
      const count = missing.filter((one) => one === what).length;
      const message = `${name}: there is no ${what} here: ${count} problems are left out of the figures and counted as unverified`;
      emit({ type: 'log', level: 'warn', message });
    }
  }
}

/** From here on somebody wonders what is going on. */
const QUIET_MS = 3000;

async function prepare(language: Language, sandbox: HeldSandbox, { emit }: JudgingContext): Promise<void> {
  const message = `preparing the compiler of ${language}, which takes a while the first time`;
  const notice = setTimeout(() => emit({ type: 'log', level: 'info', message }), QUIET_MS);
  await sandbox.prepare(language).finally(() => clearTimeout(notice));
}

/** Whether its recipe accepts that code runs unprotected. */
export function isolation({ without_sandbox }: JudgingParams) {
  return { withoutIsolation: without_sandbox !== undefined };
}
