import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeQuickstartData } from '../../scripts/quickstart-data.js';
import { packageRoot } from '../../src/base/package-root.js';
import { loadCatalogue } from '../../src/security/catalogue.js';
import { traceMessages } from '../../src/security/prompts/trace-prompt.js';
import { promptLeak } from '../../src/security/texts/leak.js';
import { loadMini } from '../support/mini.js';

const folder = join(packageRoot, 'recipes', 'quickstart');

async function rowsOf(name: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(folder, name), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("the quickstart's data", () => {
  it('is what its sources make of it now (else: npm run data)', async () => {
    const fresh = await mkdtemp(join(tmpdir(), 'secpi-data-'));
    await writeQuickstartData(fresh);
    for (const name of ['tasks.jsonl', 'naive.jsonl', 'texts.jsonl', 'classifier.jsonl', 'teacher.jsonl']) {
      expect(await readFile(join(folder, name), 'utf8'), name).toBe(await readFile(join(fresh, name), 'utf8'));
    }
  });

  it('has at least 48 tasks in five languages, half of them relevant, over at least ten weaknesses', async () => {
    const tasks = await rowsOf('tasks.jsonl');
    expect(tasks.length).toBeGreaterThanOrEqual(48);
    expect(new Set(tasks.map((task) => task.language))).toEqual(new Set(['python', 'javascript', 'c', 'cpp', 'go']));
    const verdicts = (await rowsOf('classifier.jsonl')).map(
      (row) => JSON.parse((row.answer as { content: string }).content) as { relevant: boolean; cwes: string[] },
    );
    const relevant = verdicts.filter((verdict) => verdict.relevant);
    expect(relevant.length / verdicts.length).toBeCloseTo(0.5, 1);
    expect(new Set(relevant.flatMap((verdict) => verdict.cwes)).size).toBeGreaterThanOrEqual(10);
  });

  it('holds every problem of the suite among its tasks, which is why decontamination is switched off there', async () => {
    const prompts = new Set((await rowsOf('tasks.jsonl')).map((task) => task.prompt));
    for (const problem of (await loadMini()).problems)
      expect(prompts.has(problem.prompt.trim()), problem.id).toBe(true);
  });

  it('has traces of clearly unlike length, none begun like another, none that gives away what its teacher was told', async () => {
    const traces = (await rowsOf('teacher.jsonl')).map((row) => (row.answer as { reasoning: string }).reasoning);
    const words = traces.map((trace) => trace.split(/\s+/).length).sort((left, right) => left - right);
    expect(words[0]).toBeLessThan(80);
    expect(words.at(-1)).toBeGreaterThan(300);
    expect((words.at(-4) ?? 0) / (words[3] ?? 0)).toBeGreaterThan(2);
    expect(new Set(traces.map((trace) => trace.split(/\s+/, 2).join(' '))).size).toBe(traces.length);

    const catalogue = loadCatalogue();
    const cwes = (await rowsOf('classifier.jsonl')).flatMap(
      (row) => (JSON.parse((row.answer as { content: string }).content) as { cwes: string[] }).cwes,
    );
    const { guidance } = traceMessages({ language: 'python', prompt: '' }, [...new Set(cwes)], catalogue);
    for (const trace of traces) expect(promptLeak(trace, guidance, ''), trace.slice(0, 60)).toBeUndefined();
  });
});
