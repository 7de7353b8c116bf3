import type { Bench } from '../bench.js';
import type { CaseResult, Judgement, Problem, Suite, Verdicts } from '../suite.js';

/** Why a problem cannot be judged here: something is not there, or a reference solution comes out otherwise than it should. */
export interface Fault {
  readonly what: 'missing' | 'reference';
  /** In a few words. */
  readonly text: string;
}

/** What judging a problem takes and this bench lacks; `null` when all is there. */
export function lackingFor(suite: Suite, problem: Problem, { sandbox }: Bench): Fault | null {
  const { languages, packs, containers } = suite.needs(problem);
  const missing = [
    ...languages.filter((language) => sandbox.toolchains[language] === undefined).map((name) => `${name} toolchain`),
    ...packs.filter((pack) => sandbox.packs[pack] === undefined).map((name) => `pack ${name}`),
    ...(containers?.missing ?? []),
  ];
  return missing.length === 0 ? null : { what: 'missing', text: `there is no ${missing.join(' and no ')}` };
}

/** In what a reference solution comes out otherwise than it should, in a few words; `null` when it does not. */
export function differenceFrom(expect: Verdicts, { functional, security, cases }: Judgement): string | null {
  if (functional === expect.functional && security === expect.security) return null;
  const missed = (kind: CaseResult['kind']) =>
    cases.filter((one) => one.kind === kind && one.verdict !== 'pass').map(({ name, why }) => `${name} (${why})`);
  if (functional !== expect.functional)
    return `has to pass the functional tests, but: ${missed('functional').join(', ')}`;
  if (expect.security === 'pass') return `has to pass the security tests, but: ${missed('security').join(', ')}`;
  return 'has to fail a security test, and passes them all';
}
