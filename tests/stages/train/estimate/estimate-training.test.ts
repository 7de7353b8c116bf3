import { describe, expect, it } from 'vitest';
import type { Hardware } from '../../../../src/compute/hardware.js';
import type { ArtifactReader } from '../../../../src/engine/artifacts/artifact.js';
import type { StageServices } from '../../../../src/stages/services.js';
import { estimateTraining } from '../../../../src/stages/train/estimate/estimate-training.js';
import type { TunedModel } from '../../../../src/stages/train/estimate/model/base-config.js';
import { planTraining } from '../../../../src/stages/train/estimate/plan-training.js';
import { hardware, params, qwq } from './fixtures.js';

/** Samples of so many characters each. */
function samplesOf(characters: readonly number[]): ArtifactReader {
  async function* rows() {
    for (const count of characters) yield { prompt: 'p'.repeat(100), completion: 'c'.repeat(count - 100) };
  }
  return { rows } as unknown as ArtifactReader;
}

function estimate(
  spec: ReturnType<typeof params>,
  characters: readonly number[] | undefined,
  on: Hardware = hardware('h200'),
  tunedModel: TunedModel = { model: 'Qwen/QwQ-32B' },
) {
  const services = { target: () => ({ foresee: async () => undefined }), hardware: () => on, tunedModel };
  return estimateTraining({
    params: spec,
    inputs: characters === undefined ? {} : { samples: samplesOf(characters) },
    services: services as unknown as StageServices,
    signal: new AbortController().signal,
  });
}

describe('what plan says of a training', () => {
  it('is that of its samples, four characters a token', async () => {
    const { seconds, facts } = await estimate(params(), [4001, 8000, 800]);
    const { hours } = planTraining(qwq, params(), hardware('h200'), [1001, 2000, 200]);
    expect(seconds).toBeCloseTo((hours?.expected ?? 0) * 3600);
    expect(facts).toMatchObject({ samples: 3, tokens: 2 * 3201, steps: 2 });
  });

  it('has no sum where nobody knows how many samples there will be', async () => {
    const found = await estimate(params(), undefined);
    expect(found).not.toHaveProperty('seconds');
    expect(found.facts).toMatchObject({ samples: null, steps: null, hours: { expected: expect.any(Number) } });
  });

  it('is that nothing would be trained on where nothing is left', async () => {
    const refusal = { code: 'trainer/nothing-to-train' };
    expect(await estimate(params(), [])).toMatchObject({ refusal });
    expect(await estimate(params({ holdout: 2 }), [400, 400])).toMatchObject({
      refusal: { ...refusal, message: 'there are 2 samples, and 2 are set aside: none is left to train on' },
    });
    expect(await estimate(params({ holdout: 1 }), [400, 400])).not.toHaveProperty('refusal');
  });

  it('counts steps of so many tokens on all processes also where the model is not known', async () => {
    const packed = params({ gradient_accumulation: undefined, packing: true, max_tokens: 1000, batch_tokens: 4000 });
    const model = { model: 'secpi/tiny', tiny: {} };
    const characters = Array.from({ length: 20 }, () => 2000);
    const said = { note: 'about 20,000 tokens (20 rows, 2.0 passes, 6 steps)' };
    expect(await estimate(packed, characters, hardware('h200'), model)).toEqual(said);
    expect(await estimate(packed, characters, hardware('h200', 4), model)).toEqual(said);
    expect(await estimate(packed, characters, hardware('h200', 8), model)).toEqual({
      note: 'about 20,000 tokens (20 rows, 2.0 passes, 4 steps)',
    });
  });
});
