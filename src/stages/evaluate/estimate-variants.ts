import type * as z from 'zod';
import type { StageEstimate } from '../../engine/stage.js';
import type { StageServices } from '../services.js';
import { detectionLines } from './detection.js';
import type { evaluateParams } from './evaluate.js';
import { questionsOf, requestOf } from './score-variant.js';
import { isWeights, type Variant, variantNamed } from './variant.js';

type Params = z.infer<typeof evaluateParams>;

/** What asking takes: of the recipe's own weights as many questions as there are, of a model under `models` what is not kept yet. */
export async function estimateVariants(params: Params, services: StageServices): Promise<StageEstimate> {
  const suites = await Promise.all(Object.keys(params.suites).map((name) => services.suite(name)));
  const variants = params.variants.map(variantNamed);
  const questions = suites.reduce((sum, suite) => sum + questionsOf(suite, params).length, 0);
  const bought: { requests: number; input_tokens: number; output_tokens: number; cost_usd: number }[] = [];
  for (const variant of variants.filter(({ of }) => !isWeights(of))) bought.push(await asked(variant));
  const sum = (of: (one: (typeof bought)[number]) => number) => bought.reduce((total, one) => total + of(one), 0);
  const own = variants.length - bought.length;
  return {
    requests: questions * own + sum((one) => one.requests),
    ...(bought.length === 0
      ? {}
      : {
          input_tokens: sum((one) => one.input_tokens),
          output_tokens: sum((one) => one.output_tokens),
          cost_usd: sum((one) => one.cost_usd),
        }),
    details: detectionLines(suites, params.suites),
    ...(own === 0 ? {} : { note: `answered by the model server that is started on ${params.on ?? 'this machine'}` }),
  };

  async function asked(variant: Variant) {
    await using model = await services.models.open(variant.of);
    const {
      requests,
      input_tokens,
      output_tokens,
      cost_usd = 0,
    } = await model.estimate(
      suites.flatMap((suite) =>
        questionsOf(suite, params).map((question) => requestOf(suite, variant, question, { params, services })),
      ),
    );
    return { requests, input_tokens, output_tokens, cost_usd };
  }
}
