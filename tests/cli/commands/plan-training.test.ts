import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { qwqConfig } from '../../stages/train/estimate/fixtures.js';
import { cliCommand, cliEnvironment, jsonLines, runCli, temporaryFolder } from '../../support/run-cli.js';

/** A recipe for a base of QwQ's shape, of which only the config is there. */
async function recipeIn(folder: string, compute: string, train = '') {
  await mkdir(join(folder, 'base'), { recursive: true });
  await writeFile(join(folder, 'base', 'config.json'), JSON.stringify(qwqConfig));
  const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');
  await writeFile(
    join(folder, 'r.yaml'),
    [
      `extends: ${quickstart}`,
      'name: planned',
      'models: { target: { model: org/reasoner, folder: base, tiny: null } }',
      `train: { steps: 100, lora: { rank: 64, alpha: 128 }, batch_size: 1, max_tokens: 16384, dtype: bfloat16, gradient_checkpointing: true, ${train} }`,
      `compute: { here: { ${compute} } }`,
    ].join('\n'),
  );
}

async function planned(folder: string, ...options: readonly string[]) {
  const [program = '', ...args] = [...cliCommand(), 'plan', 'r.yaml', '--until', 'train', ...options];
  return execa(program, args, {
    cwd: folder,
    env: cliEnvironment(folder, { HF_ENDPOINT: 'http://127.0.0.1:9' }),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
  });
}

describe('secpi plan of a training', () => {
  it('says memory by part, tokens, hours and cost', async () => {
    await using folder = await temporaryFolder();
    await recipeIn(folder.path, 'local: { gpus: 1 }, card: h200, price_per_gpu_hour: 3');
    const { stdout } = await planned(folder.path, '--json');
    const { estimate } = jsonLines(stdout).find(({ stage }) => stage === 'train') as {
      estimate: { facts: Record<string, unknown>; details: string[]; cost_usd: number; seconds: number };
    };
    expect(estimate.facts).toMatchObject({
      gpus: 1,
      card: 'H200',
      strategy: 'ddp',
      fit: 'fits',
      would_fit: [],
      samples: null,
    });
    expect(estimate.facts.memory_bytes).toMatchObject({ weights: expect.any(Number), buffers: expect.any(Number) });
    expect(estimate.facts.tokens).toBe(100 * 16_384);
    expect(estimate.cost_usd).toBeCloseTo((estimate.seconds / 3600) * 3);
    expect(estimate.details.join('\n')).toMatch(/weights \d+.*activations \d+[\s\S]*the longest there can be/);
    // The table counts as the plan does.
    const table = jsonLines((await planned(folder.path, '--for', 'h200', '--json')).stdout);
    expect(table.find(({ method, tokens }) => method === 'lora' && tokens === 16_384)).toMatchObject({
      cards: { h200: { gpus: 1, trained_tokens: estimate.facts.tokens, hours: estimate.facts.hours } },
    });
  });

  it('is refused where it cannot fit, with what would', async () => {
    await using folder = await temporaryFolder();
    await recipeIn(folder.path, 'local: {}, card: h100-80');
    const { exitCode, stdout } = await planned(folder.path);
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/needs 8\d GiB, and the GPU \(H100 80 GB\) has 79.1/);
    expect(stdout).toContain('`method: qlora`');
    expect(stdout).toContain('Would fail as it stands: train');
    await recipeIn(folder.path, 'local: { gpus: 8 }, card: h100-80');
    expect((await planned(folder.path)).stdout).not.toContain('Would fail');
  });

  it('has a table of methods and cards', async () => {
    await using folder = await temporaryFolder();
    // What the target has does not matter.
    await recipeIn(folder.path, 'local: { device: cpu }');
    const { exitCode, stdout } = await planned(folder.path, '--for', 'h100-80,4090');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/method +max_tokens +H100 80 GB +GeForce RTX 4090/);
    expect(stdout).toMatch(/lora +16,384 +2 × \d+, /);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      'for 100 steps, each of so many samples on every GPU, all of them as',
    );
    const json = jsonLines((await planned(folder.path, '--for', 'h100-80', '--json')).stdout);
    expect(json).toHaveLength(9);
    expect(json[0]).toMatchObject({
      type: 'plan-cards',
      method: 'qlora',
      tokens: 8192,
      cards: { 'h100-80': { gpus: 1 } },
    });
    const wrong = await planned(folder.path, '--for', 'h100');
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toContain('h100-80');
  });

  it('has that table of a recipe whose variables are not set, where nothing can be reached', async () => {
    await using folder = await temporaryFolder();
    const recipe = join(packageRoot, 'recipes', 'qwen-7b-qlora.yaml');
    const environment = { cwd: folder.path, env: { HF_ENDPOINT: 'http://127.0.0.1:9' } };
    const { exitCode, stdout, stderr } = await runCli(['plan', recipe, '--for', '4090'], environment);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/qlora +8,192 +1 × 10, [\d.]+ h/);
    expect(stdout).not.toContain('not-set');
    // Whoever would really ask has to know.
    const plan = await runCli(['plan', recipe], environment);
    expect(plan).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('TRAINER_IMAGE is not set') });
  });

  it('says of a CPU what is true of one', async () => {
    await using folder = await temporaryFolder();
    await recipeIn(folder.path, 'local: { device: cpu, gpus: 4 }, card: h200, price_per_gpu_hour: 3');
    const { exitCode, stdout } = await planned(folder.path);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/on a CPU \(its `gpus` count for nothing there\)/);
    expect(stdout).not.toMatch(/CUDA|H200|\$/);
  });

  it('says why a model cannot be planned', async () => {
    await using folder = await temporaryFolder();
    await recipeIn(folder.path, 'local: {}, card: h100-80');
    await writeFile(join(folder.path, 'base', 'config.json'), JSON.stringify({ ...qwqConfig, num_experts: 64 }));
    const { exitCode, stdout } = await planned(folder.path);
    expect(stdout).toContain('a mixture of experts');
    expect(exitCode).toBe(0);
    const table = await planned(folder.path, '--for', 'h200');
    expect(table.exitCode).toBe(2);
    expect(table.stderr).toContain('a mixture of experts');
  });
});
