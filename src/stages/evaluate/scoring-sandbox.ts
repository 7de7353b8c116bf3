import type * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { type HeldSandbox, LANGUAGES, type Language, type SandboxLevel } from '../../sandbox/sandbox.js';
import type { Suite } from '../../suites/suite.js';
import type { StageContextOf, StageServices } from '../services.js';
import type { evaluateParams } from './evaluate.js';
import type { Variant } from './records.js';

type Params = z.infer<typeof evaluateParams>;
type Context = StageContextOf<Params, Variant>;

/** What of a sandbox decides scores, as far as it is known before anything runs. */
export interface SandboxPin {
  readonly sandbox: SandboxLevel['kind'];
  readonly languages: readonly Language[];
  /** Identities of the packs that are set up here; absent where there are none. */
  readonly packs?: Readonly<Record<string, string>>;
}

/**
 * The sandbox that this machine has. Of another one nobody has to be asked: scoring there is refused unless it isolates and has all that
 * the suites need, so which of both it was decides nothing.
 */
export async function sandboxPin(params: Params, services: StageServices): Promise<SandboxPin> {
  if (params.score_on !== undefined) return { sandbox: 'bubblewrap', languages: [...LANGUAGES].sort() };
  const { level, toolchains, packs } = await services.sandboxFacts(isolation(params));
  // A score that a missing compiler or pack left unverified must be made again once that is there.
  const languages = (Object.keys(toolchains) as Language[]).sort();
  return { sandbox: level.kind, languages, ...(Object.keys(packs).length > 0 ? { packs } : {}) };
}

/**
 * The sandbox that answers are scored in, with its compilers warmed up. Names the languages that cannot be scored here, and what that
 * leaves out. Throws `evaluate/no-toolchain` where that is another machine.
 */
export async function openScoringSandbox(context: Context, suites: readonly Suite[]): Promise<HeldSandbox> {
  const sandbox = await open(context);
  try {
    await prepareLanguages(suites, sandbox, context);
    return sandbox;
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

async function open({ params, services, signal, emit }: Context): Promise<HeldSandbox> {
  const { score_on } = params;
  if (score_on === undefined) {
    const sandbox = await services.sandbox(isolation(params));
    return { ...sandbox, [Symbol.asyncDispose]: async () => undefined };
  }
  const onNote = (message: string) => emit({ type: 'log', level: 'info', message });
  onNote(`opening the sandbox on ${score_on}`);
  return services.sandboxOn(score_on, { signal, onNote });
}

async function prepareLanguages(suites: readonly Suite[], sandbox: HeldSandbox, context: Context): Promise<void> {
  const { params, emit } = context;
  const problems = suites.flatMap((suite) => suite.problems);
  for (const language of new Set(problems.map((problem) => problem.language))) {
    if (sandbox.toolchains[language] !== undefined) {
      await prepare(language, sandbox, context);
      continue;
    }
    const count = problems.filter((problem) => problem.language === language).length;
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

/** From here on somebody wonders what is going on. */
const QUIET_MS = 3000;

async function prepare(language: Language, sandbox: HeldSandbox, { emit }: Context): Promise<void> {
  const message = `preparing the compiler of ${language}, which takes a while the first time`;
  const notice = setTimeout(() => emit({ type: 'log', level: 'info', message }), QUIET_MS);
  await sandbox.prepare(language).finally(() => clearTimeout(notice));
}

function isolation({ without_sandbox }: Params) {
  return { withoutIsolation: without_sandbox !== undefined };
}
