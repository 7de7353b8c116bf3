import { modelSpecSchema } from '../../src/models/model-spec.js';
import { type OpenModel, openModel } from '../../src/models/open-model.js';
import type { ModelServer } from '../../src/models/serving/model-server.js';

/** A model that is asked through a server of ours. */
export function openServed(stateDir: string, held: ModelServer, spec: object = {}): Promise<OpenModel> {
  return openModel({
    name: 'teacher',
    spec: modelSpecSchema.parse({ model: 'any', ...spec }),
    stateDir,
    env: () => undefined,
    redact: (text) => text,
    server: { held, model: 'model' },
  });
}

/** Asks many questions at once; how each ended, and what the stand-in answers. */
export async function askMany(model: OpenModel, count: number, onSettled: () => void = () => undefined) {
  const outcomes: string[] = [];
  const rows = Array.from({ length: count }, (_, number) => `question ${number}`);
  const request = (content: string) => ({
    messages: [{ role: 'user' as const, content }],
    sampling: { temperature: 0, top_p: 1, max_tokens: 64 },
    format: 'text' as const,
    sample: 0,
  });
  const parse = (answer: { readonly content: string }) => ({ ok: true as const, value: answer.content });
  const { signal } = new AbortController();
  for await (const { outcome } of model.ask({ rows, request, parse, signal, onSettled })) {
    outcomes.push(outcome.ok ? outcome.parsed : outcome.message);
  }
  return { outcomes, expected: rows.map((row) => `model says ${row}`) };
}
