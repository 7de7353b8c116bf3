import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { benchOf } from '../../../src/suites/bench.js';
import { Judging } from '../../../src/suites/judging/judging.js';
import { KeptJudgements } from '../../../src/suites/judging/kept-judgements.js';
import { Lanes } from '../../../src/suites/judging/lanes.js';
import type { Judgement, Problem, Submission, Suite, Verdict } from '../../../src/suites/suite.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const problem: Problem = { id: 'one', language: 'python', cwes: [], prompt: '' };
const file = (content: string): Submission => ({ 'solution.py': content });
const said = (functional: Verdict, security: Verdict, timedOut = false): Judgement => ({
  functional,
  security,
  cases: [
    { name: 'case', kind: 'functional', verdict: functional, why: functional === 'pass' ? '' : 'output differs' },
  ],
  timedOut,
});
const sandbox = { level: { kind: 'bubblewrap', seccomp: true }, toolchains: { python: '3.11' } } as unknown as Sandbox;

/** A suite whose submissions say what is to be said of them. */
function suiteOf(judge: (code: string, times: number) => Promise<Judgement> | Judgement, more: Partial<Suite> = {}) {
  const runs: string[] = [];
  const suite: Suite = {
    name: 'test',
    digest: 'a'.repeat(64) as Suite['digest'],
    measures: ['functional', 'security'],
    problems: [problem],
    references: [],
    calibration: [],
    forgeable: () => false,
    needs: () => ({ languages: ['python'], packs: [], alone: false }),
    ask: () => [],
    extract: () => null,
    judge: async (_problem, submission) => {
      const code = submission['solution.py'] ?? '';
      runs.push(code);
      return judge(code, runs.filter((one) => one === code).length);
    },
    ...more,
  };
  return { suite, runs };
}

async function withJudging<T>(
  suite: Suite,
  use: (judging: Judging) => Promise<T>,
  at: { folder?: string; bench?: Sandbox } = {},
) {
  await using folder = await temporaryFolder();
  const kept = await KeptJudgements.open(at.folder ?? folder.path);
  const { signal } = new AbortController();
  await using judging = new Judging(suite, benchOf(at.bench ?? sandbox), { kept, lanes: new Lanes(2), signal });
  return await use(judging);
}

describe('a judge', () => {
  it('runs equal code once, at the same time and later, and in a later run not at all', async () => {
    await using folder = await temporaryFolder();
    const { suite, runs } = suiteOf(async () => {
      await sleep(20);
      return said('pass', 'fail');
    });
    for (let run = 0; run < 2; run += 1) {
      await withJudging(
        suite,
        async (judging) => {
          const first = await Promise.all([judging.judge(problem, file('a')), judging.judge(problem, file('a'))]);
          for (const judgement of [...first, await judging.judge(problem, file('a'))])
            expect(judgement).toMatchObject(said('pass', 'fail'));
          await judging.judge({ ...problem, id: 'two' }, file('a'));
        },
        { folder: folder.path },
      );
    }
    expect(runs).toEqual(['a', 'a']); // once for each of two problems
    // How long it took stands with the verdicts, where nothing is hashed.
    const rows = readdirSync(folder.path).map((name) => readFileSync(join(folder.path, name), 'utf8'));
    const took = [...rows.join('').matchAll(/"seconds":([\d.]+)/g)].map(([, seconds]) => Number(seconds));
    expect(took).toHaveLength(2);
    for (const seconds of took) expect(seconds).toBeGreaterThan(0);
  });

  it('takes a row for missing that was cut off or spoilt, and judges again', async () => {
    await using folder = await temporaryFolder();
    const { suite, runs } = suiteOf(() => said('pass', 'pass'));
    const at = { folder: folder.path };
    await withJudging(suite, (judging) => judging.judge(problem, file('a')), at);
    const [name = ''] = readdirSync(folder.path);
    const text = readFileSync(join(folder.path, name), 'utf8');
    for (const spoilt of [text.slice(0, -1), text.replace('"pass"', '"Pass"'), `x${text}`]) {
      for (const other of readdirSync(folder.path)) writeFileSync(join(folder.path, other), '');
      writeFileSync(join(folder.path, name), spoilt);
      const before = runs.length;
      expect(await withJudging(suite, (judging) => judging.judge(problem, file('a')), at)).toMatchObject(
        said('pass', 'pass'),
      );
      expect(runs.length).toBe(before + 1);
    }
  });

  it('looks a second time at what ran out of time, with nothing beside it', async () => {
    let running = 0;
    const beside: number[] = [];
    const { suite } = suiteOf(async (code, times) => {
      running += 1;
      if (code === 'slow' && times === 2) beside.push(running - 1);
      await sleep(code === 'slow' ? 5 : 30);
      if (code === 'slow' && times === 2) beside.push(running - 1);
      running -= 1;
      return code === 'slow' ? said(times === 1 ? 'fail' : 'pass', 'pass', times === 1) : said('pass', 'pass');
    });
    await withJudging(suite, async (judging) => {
      const others = Array.from({ length: 6 }, (_, index) => judging.judge(problem, file(String(index))));
      expect(await judging.judge(problem, file('slow'))).toMatchObject({ functional: 'pass', alone: true });
      await Promise.all(others);
    });
    expect(beside).toEqual([0, 0]);
  });

  it('lets alone what must run alone, from the start', async () => {
    let running = 0;
    let most = 0;
    const { suite } = suiteOf(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await sleep(5);
        running -= 1;
        return said('pass', 'pass');
      },
      { needs: () => ({ languages: [], packs: [], alone: true }) },
    );
    await withJudging(suite, (judging) =>
      Promise.all(['a', 'b', 'c'].map((code) => judging.judge(problem, file(code)))),
    );
    expect(most).toBe(1);
  });
});

describe('before a problem counts', () => {
  const calibration: Suite['calibration'] = [
    {
      problem: 'one',
      name: 'secure',
      submission: file('secure'),
      expect: { functional: 'pass', security: 'pass' },
      everywhere: true,
    },
    {
      problem: 'one',
      name: 'insecure',
      submission: file('insecure'),
      expect: { functional: 'pass', security: 'fail' },
      everywhere: true,
    },
  ];

  it('its reference solutions have to come out as known', async () => {
    const { suite } = suiteOf((code) => said('pass', code === 'insecure' ? 'fail' : 'pass'), { calibration });
    await withJudging(suite, async (judging) => {
      expect(await judging.faultOf(problem)).toBeNull();
      expect(await judging.judge(problem, file('a'))).toMatchObject(said('pass', 'pass'));
      expect(await judging.judge(problem, null)).toMatchObject({ functional: 'fail', security: 'fail' });
    });
  });

  it.each([
    [
      'a secure one that fails, as without its sanitizer',
      'secure',
      'fail/fail',
      'has to pass the functional tests, but: case (output differs)',
    ],
    ['an insecure one that is not caught', 'insecure', 'pass/pass', 'has to fail a security test, and passes them all'],
  ] as const)('leaves code and its absence alike unverified after %s', async (_, name, seen, difference) => {
    const verdicts = { secure: ['pass', 'pass'], insecure: ['pass', 'fail'], [name]: seen.split('/') } as Record<
      string,
      Verdict[]
    >;
    const { suite, runs } = suiteOf(
      (code) => {
        const [functional, security] = verdicts[code] ?? [];
        return said(functional ?? 'pass', security ?? 'pass');
      },
      { calibration },
    );
    await withJudging(suite, async (judging) => {
      expect(await judging.faultOf(problem)).toEqual({ what: 'reference', text: `its ${name} solution ${difference}` });
      for (const submission of [file('a'), null])
        expect(await judging.judge(problem, submission)).toMatchObject({
          functional: 'unverified',
          security: 'unverified',
        });
    });
    expect(runs).not.toContain('a');
  });

  it('one that is known to run out of time does so once', async () => {
    const { suite, runs } = suiteOf(
      (code) => said('pass', code === 'insecure' ? 'fail' : 'pass', code === 'insecure'),
      {
        calibration,
      },
    );
    await withJudging(suite, async (judging) => expect(await judging.faultOf(problem)).toBeNull());
    expect(runs.toSorted()).toEqual(['insecure', 'secure']);
  });

  it('what only shows what a suite is worth is left to the check of suites', async () => {
    const halfFix = { ...calibration[1], name: 'half-fix', submission: file('half-fix'), everywhere: false };
    const { suite, runs } = suiteOf((code) => said('pass', code === 'insecure' ? 'fail' : 'pass'), {
      calibration: [...calibration, halfFix as Suite['calibration'][number]],
    });
    await withJudging(suite, async (judging) => expect(await judging.faultOf(problem)).toBeNull());
    expect(runs.toSorted()).toEqual(['insecure', 'secure']);
  });

  it('runs nothing where the toolchain is missing', async () => {
    const { suite, runs } = suiteOf(() => said('pass', 'pass'), { calibration });
    const bench = { ...sandbox, toolchains: {} } as Sandbox;
    await withJudging(
      suite,
      async (judging) => {
        expect(await judging.faultOf(problem)).toEqual({ what: 'missing', text: 'there is no python toolchain' });
        expect(await judging.judge(problem, null)).toMatchObject({ functional: 'unverified' });
      },
      { bench },
    );
    expect(runs).toEqual([]);
  });
});
