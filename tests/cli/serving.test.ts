import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servingOn } from '../../src/cli/serving.js';
import { openTarget } from '../../src/compute/open-target.js';
import { targetSchema } from '../../src/compute/target.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import { modelSpecSchema } from '../../src/models/model-spec.js';
import { openModel } from '../../src/models/open-model.js';
import { serveSchema } from '../../src/models/serving/serve-spec.js';
import { processesNaming } from '../support/processes.js';
import { pythonForTests } from '../support/python.js';
import { hasSshServer, type SshServer, sshServer } from '../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { tinyJob } from '../support/tiny-job.js';

const python = pythonForTests;
const { signal } = new AbortController();

describe.skipIf(python === undefined)('our own server', () => {
  let folder: TemporaryFolder;
  let ssh: SshServer | undefined;
  let weights: string;
  const means = () => ({
    python: async () => ({ folder: '', python: python?.python ?? '' }),
    variables: { ...process.env, SECPI_SSH_CONFIG: ssh?.config },
  });
  beforeAll(async () => {
    folder = await temporaryFolder();
    ssh = hasSshServer ? await sshServer() : undefined;
    const target = openTarget(targetSchema.parse({ local: { device: 'cpu', threads: 1 } }), means());
    const { outputs } = await target.runTrainer(await tinyJob(folder.path, 2), { signal, onEvent: () => undefined });
    weights = outputs.model ?? '';
  });
  afterAll(async () => {
    await ssh?.[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** What the model says to a question, asked anew through a server there. */
  async function answers(on: string | undefined, state: string, serve?: object): Promise<readonly string[]> {
    const far = { ssh: { host: 'far', root: join(ssh?.home ?? '', 'secpi'), python: python?.python, device: 'cpu' } };
    const home = stateDirectory(join(folder.path, state));
    const serving = servingOn(() => targetSchema.parse(far), means(), { state: home, redact: (text) => text });
    const wanted = { on, ...(serve === undefined ? {} : { serve: serveSchema.parse(serve) }) };
    await using model = await openModel({
      name: 'target',
      spec: modelSpecSchema.parse({ model: 'target' }),
      stateDir: home.root,
      env: () => undefined,
      redact: (text) => text,
      server: { held: serving.hold({ ...wanted, name: 'target', weights: { folder: weights } }), model: 'model' },
    });
    const said: string[] = [];
    const request = (content: string) => ({
      messages: [{ role: 'user' as const, content }],
      sampling: { temperature: 0, top_p: 1, max_tokens: 12 },
      format: 'text' as const,
      sample: 0,
    });
    const parse = (answer: object) => ({ ok: true as const, value: JSON.stringify(answer) });
    for await (const { outcome } of model.ask({
      rows: ['Say one.', 'Say two.'],
      request,
      parse,
      signal,
      onTruncated: 'keep',
    })) {
      said.push(outcome.ok ? outcome.parsed : outcome.message);
    }
    return said;
  }

  it.skipIf(!hasSshServer)(
    'says the same wherever it runs',
    async () => {
      const here = await answers(undefined, 'here');
      expect(here).toHaveLength(2);
      expect(here.join(' ')).toContain('"finish":');
      expect(await answers('far', 'far')).toEqual(here);
      expect(processesNaming(folder.path)).toEqual([]);
      // Each of the two has to load torch.
    },
    240_000,
  );

  it('says what is wrong with its model', async () => {
    const serving = servingOn(() => targetSchema.parse({ local: {} }), means(), {
      state: stateDirectory(join(folder.path, 'broken')),
      redact: (text) => text,
    });
    await using held = serving.hold({ name: 'target', weights: { folder: join(folder.path, 'nothing') } });
    await expect(held.connect(signal)).rejects.toMatchObject({
      code: 'models/server-died',
      message: expect.stringMatching(/^The server of target ended \(exit code 2\): model: no such folder/),
    });
  });

  it('counts as the same wherever it runs, and as another one where something else decides', async () => {
    const serving = servingOn(
      () => targetSchema.parse({ ssh: { host: 'far', python: '/p', device: 'cpu' } }),
      means(),
      {
        state: stateDirectory(folder.path),
        redact: (text) => text,
      },
    );
    const vllm = { engine: 'vllm', version: '0.33.0' };
    const of = (serve?: object, on?: string) =>
      serving.environmentOf({ on, ...(serve === undefined ? {} : { serve: serveSchema.parse(serve) }) });
    expect(await of({ engine: 'transformers' }, 'far')).toEqual(await of(undefined, 'far'));
    const same = [
      { ...vllm, tensor_parallel: 8 },
      { ...vllm, program: '/opt/vllm' },
      { ...vllm, start_timeout_seconds: 1 },
    ];
    for (const one of same) expect(await of(one, 'far')).toEqual(await of(vllm));
    const others = [
      undefined,
      { engine: 'transformers', dtype: 'bfloat16' },
      vllm,
      { ...vllm, version: '0.33.1' },
      { ...vllm, dtype: 'bfloat16' },
      { ...vllm, max_model_len: 4096 },
      { ...vllm, generation_config: 'engine' },
      { ...vllm, extra: ['--quantization=fp8'] },
    ];
    const texts = await Promise.all(others.map(async (one) => JSON.stringify(await of(one, 'far'))));
    expect(new Set(texts).size).toBe(others.length);
  });
});
