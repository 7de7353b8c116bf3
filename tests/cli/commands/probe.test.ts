import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { labelledTexts } from '../../../src/security/probing/labelled-texts.js';
import { labelledAnswers } from '../../stages/filter/probe/labelled-answers.js';
import { withBandit } from '../../support/analysers.js';
import { startOpenaiServer } from '../../support/openai-server.js';
import { jsonLines, runCli, temporaryFolder } from '../../support/run-cli.js';

async function recipeFor(folder: string, endpoint: string): Promise<void> {
  const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');
  const classifier = `{ replay: null, endpoint: "${endpoint}", price: { input: 1, output: 2 } }`;
  await writeFile(
    join(folder, 'r.yaml'),
    `extends: ${quickstart}\nname: probed\nmodels: { classifier: ${classifier} }\n`,
  );
}

describe('secpi probe', () => {
  it('says what it will cost before it asks, and then precision and recall by group and weakness', async () => {
    await using folder = await temporaryFolder();
    const labelled = labelledAnswers({
      'harmless-2': { relevant: true, cwes: ['CWE-338'], reason: 'dice are \u001b[31mrandom' },
      'crypto-14': { relevant: false, cwes: [] },
    });
    const cleared: string[] = [];
    await using server = await startOpenaiServer(async (chat, call) => {
      // Some answers are there by then.
      if (call === 20) {
        const { stdout } = await runCli(['gc', '--answers', '--json'], { cwd: folder.path });
        for (const { kind, garbage } of jsonLines(stdout)) cleared.push(`${kind} ${garbage}`);
      }
      return labelled(chat, call);
    });
    await recipeFor(folder.path, server.url);
    const estimate = await runCli(['probe', 'r.yaml', '--estimate'], { cwd: folder.path });
    expect(estimate).toMatchObject({ exitCode: 0, stderr: '' });
    expect(estimate.stdout).toMatch(
      /^\d+ labelled tasks for `classifier`: \d+ requests; about .* tokens in, .* out; at most \$/,
    );
    expect(server.received).toHaveLength(0);

    const told = await runCli(['probe', 'r.yaml', '--mistakes'], { cwd: folder.path });
    expect(told.exitCode).toBe(0);
    expect(told.stderr).toContain('at most $');
    expect(told.stdout).toMatch(/^held out +\d+ +\d+ +\d+ +1\.00 \(0\.\d\d–1\.00\) \d+\/\d+ +1\.00/m);
    expect(told.stdout).toMatch(/^CWE-338 .*not relevant$/m);
    expect(told.stdout).toMatch(/^crypto .*\b0\.\d\d \(/m);
    expect(told.stdout).toContain('2 tasks kept or dropped wrongly');
    expect(told.stdout).toContain('harmless-2: kept as CWE-338 (0.9), expected nothing');
    expect(told.stdout).toContain('dice are random');
    expect(cleared).toContain('answers false');
    const asked = server.received.length;

    const json = await runCli(['probe', 'r.yaml', '--json'], { cwd: folder.path });
    const lines = jsonLines(json.stdout);
    expect(json).toMatchObject({ exitCode: 0, stderr: '' });
    expect(lines[0]).toMatchObject({ type: 'probe-estimate', requests: 0 });
    expect(lines.filter(({ type }) => type === 'probe-task')).toHaveLength(asked);
    expect(lines.at(-1)).toMatchObject({
      type: 'probe',
      model: 'classifier',
      held_out: { relevant: { precision: { share: 1 }, recall: { share: 1 } } },
      for_tuning: { relevant: { recall: { share: expect.any(Number) } } },
      spent: { requests: 0, cost_usd: 0 },
    });
    expect(server.received).toHaveLength(asked);
  });

  it('asks the judge of the curation about labelled texts, where a recipe names one', async () => {
    await using folder = await temporaryFolder();
    const texts = (['leaks', 'depth'] as const).flatMap((list) => labelledTexts(list, loadCatalogue()));
    await using server = await startOpenaiServer((chat) => {
      const text = texts.find((candidate) => chat.prompt.includes(`\n${candidate.text.trim()}\n`));
      if (text === undefined) return { kind: 'status', status: 400 };
      const told = text.id.startsWith('leaks') && text.drop;
      const thought = text.id.startsWith('depth') && !text.drop && text.part !== 'spent';
      const judgement = {
        told,
        told_because: 'As labelled.',
        thought_through: thought,
        thought_because: 'As labelled.',
      };
      return { kind: 'answer', content: JSON.stringify(judgement) };
    });
    await recipeFor(folder.path, server.url);
    const judge = ['r.yaml', '--set', 'curate.judge={by: classifier}'];
    const estimate = await runCli(['probe', ...judge, '--estimate'], { cwd: folder.path });
    expect(estimate.stdout).toMatch(
      new RegExp(`^${texts.length} labelled texts for .classifier.: ${texts.length} requests; .*; at most \\$`, 'm'),
    );
    const { exitCode, stdout } = await runCli(['probe', ...judge, '--filters', '--json'], { cwd: folder.path });
    expect(exitCode).toBe(0);
    const { filters, judge: used } = jsonLines(stdout).at(-1) as Record<string, unknown>;
    expect(used).toMatchObject({ model: 'classifier', spent: { requests: texts.length } });
    expect(filters).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ filter: 'judge, leaks', part: 'look', precision: 1, recall: 1 }),
        expect.objectContaining({ filter: 'judge, leaks', part: 'spent', precision: 1, recall: 1 }),
        expect.objectContaining({ filter: 'judge, depth', part: 'look', precision: 1, recall: 1 }),
        expect.objectContaining({ filter: 'judge, depth', part: 'spent', precision: 0.5, recall: 1 }),
      ]),
    );
  });

  it.skipIf(withBandit === undefined)('has the analysers that a recipe names look at labelled code', async () => {
    await using folder = await temporaryFolder();
    await recipeFor(folder.path, 'http://127.0.0.1:9/v1');
    const bandit = ['probe', 'r.yaml', '--set', 'curate.analysers={bandit: {}}', '--filters', '--json'];
    const { stdout } = await runCli(bandit, { cwd: folder.path, env: withBandit ?? {} });
    const { filters } = jsonLines(stdout).at(-1) as { filters: Record<string, unknown>[] };
    const of = (part: string) => filters.find((one) => one.filter === 'analysers, bandit' && one.part === part);
    const python = labelledTexts('actuation', loadCatalogue()).filter(({ language }) => language === 'python');
    for (const part of ['look', 'held-out'] as const) {
      const counts = of(part)?.counts as Record<string, number> | undefined;
      const { found = 0, missed = 0, wronged = 0, spared = 0 } = counts ?? {};
      const texts = python.filter((text) => text.part === part);
      expect(found + missed).toBe(texts.filter(({ drop }) => drop).length);
      expect(wronged + spared).toBe(texts.filter(({ drop }) => !drop).length);
      // It has rules for some of them only. What it drops, it drops rightly.
      expect(found).toBeGreaterThan(1);
      expect(wronged).toBe(0);
    }
  });

  it('says of an analyser that is not there that it is not, before anything is bought', async () => {
    await using folder = await temporaryFolder();
    await using server = await startOpenaiServer(labelledAnswers({}));
    await recipeFor(folder.path, server.url);
    // Nothing is on the search path.
    const nowhere = { cwd: folder.path, env: { PATH: folder.path } };
    const stopped = await runCli(['probe', 'r.yaml', '--set', 'curate.analysers={bandit: {}}', '--quiet'], nowhere);
    expect(stopped).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('code: curate/no-analyser') });
    expect(server.received).toHaveLength(0);
    const without = 'curate.analysers={bandit: {on_missing: unverified}}';
    const { exitCode, stdout } = await runCli(['probe', 'r.yaml', '--set', without, '--filters'], nowhere);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('actuation');
    expect(stdout).not.toContain('bandit');
  });

  it('says what is missing where nobody can be asked', async () => {
    await using folder = await temporaryFolder();
    const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');
    const { exitCode, stderr } = await runCli(['probe', quickstart, '--quiet'], { cwd: folder.path });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('models/unanswered');
    expect(stderr).toContain('endpoint');
    // The filters need nobody.
    const filters = await runCli(['probe', quickstart, '--filters'], { cwd: folder.path });
    expect(filters).toMatchObject({ exitCode: 0, stderr: '' });
    expect(filters.stdout).toMatch(/^actuation +held-out +36 +0\.\d\d/m);
    expect(filters.stdout).not.toContain('judge');
  });
});
