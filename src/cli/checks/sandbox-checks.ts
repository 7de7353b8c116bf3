import { messageOf, SecpiError } from '../../base/errors.js';
import { LANGUAGES, type Sandbox } from '../../sandbox/sandbox.js';
import type { SelfTestResult } from '../../sandbox/self-test.js';
import type { Check } from './check.js';

/** What a language means that the sandbox has no toolchain for. */
export interface MissingToolchain {
  readonly detail: string;
  readonly advice: string | undefined;
}

const languageNames = { python: 'Python', javascript: 'JavaScript', c: 'C', cpp: 'C++', go: 'Go' } as const;

/** Why there is no sandbox. */
export function noSandbox(error: unknown): Check {
  const hint = error instanceof SecpiError ? error.hint : undefined;
  const advice = hint === undefined ? {} : { advice: hint };
  return { name: 'sandbox', state: 'missing', detail: messageOf(error), ...advice, required: true };
}

/** What a sandbox is, whether it held when it was attacked, and which languages can be scored in it. */
export function judgeSandbox(
  { level, toolchains }: Pick<Sandbox, 'level' | 'toolchains'>,
  attacks: readonly SelfTestResult[],
  missing: MissingToolchain,
): readonly Check[] {
  const { kind, version, network, seccomp, notes } = level;
  const detail = [
    `${kind} ${version}`,
    network === 'none' ? 'no network' : 'with network',
    seccomp ? 'system calls filtered' : 'system calls not filtered',
    ...notes,
  ].join(', ');
  return [
    { name: 'sandbox', state: 'ok', detail, required: true },
    judgeAttacks(attacks),
    ...LANGUAGES.map((language): Check => {
      const name = `scoring ${languageNames[language]}`;
      const found = toolchains[language];
      if (found !== undefined) return { name, state: 'ok', detail: found, required: false };
      const { advice } = missing;
      const words = `no toolchain that works in the sandbox: ${missing.detail}`;
      return { name, state: 'missing', detail: words, ...(advice === undefined ? {} : { advice }), required: false };
    }),
  ];
}

function judgeAttacks(attacks: readonly SelfTestResult[]): Check {
  const name = 'sandbox self-test';
  const required = true;
  const broken = attacks.filter(({ ok }) => !ok);
  if (broken.length === 0) return { name, state: 'ok', detail: `all ${attacks.length} attacks were stopped`, required };
  return {
    name,
    state: 'missing',
    detail: broken.map((attack) => `${attack.name}: ${attack.detail}`).join('; '),
    advice: 'Do not evaluate model-written code here until this is understood; a newer bubblewrap or kernel may help.',
    required,
  };
}
