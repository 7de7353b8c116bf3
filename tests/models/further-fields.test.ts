import { describe, expect, it } from 'vitest';
import { meaningOf } from '../../src/engine/operational.js';
import { sentFields, withRoom } from '../../src/models/further-fields.js';
import { identityOf, modelSpecSchema } from '../../src/models/model-spec.js';

const spec = (request?: object) => modelSpecSchema.parse({ model: 'm', revision: 'abc', ...(request && { request }) });

describe('request:', () => {
  it('is part of what the model is, whatever the order of its fields, and nothing without any', () => {
    expect(identityOf(spec())).toBe('m@abc');
    expect(identityOf(spec({}))).toBe('m@abc');
    const one = spec({ top_k: 20, chat_template_kwargs: { enable_thinking: false, a: [1] } });
    const other = spec({ chat_template_kwargs: { a: [1], enable_thinking: false }, top_k: 20 });
    expect(identityOf(one)).toBe('m@abc with {"chat_template_kwargs":{"a":[1],"enable_thinking":false},"top_k":20}');
    expect(identityOf(other)).toBe(identityOf(one));
    expect(identityOf(spec({ top_k: 21 }))).not.toBe(identityOf(spec({ top_k: 20 })));
    expect(meaningOf(modelSpecSchema, spec({ top_k: 20 }))).toEqual({
      model: 'm',
      revision: 'abc',
      request: { top_k: 20 },
    });
  });

  it.each([
    [{ temperature: 1 }, 'temperature', 'is set by `sampling.temperature`'],
    [{ messages: [] }, 'messages', 'is set by the stage'],
    [{ n: 4 }, 'n', '`samples`'],
    [{ stream: true }, 'stream', 'is set by secpi'],
    [{ max_completion_tokens: 0.5 }, 'max_completion_tokens', 'whole number'],
    [{ 'a b': 1 }, 'a b', 'name of a field'],
  ])('refuses %j', (request, field, message) => {
    const issues = modelSpecSchema.safeParse({ model: 'm', request }).error?.issues;
    expect(issues).toMatchObject([{ path: ['request', field] }]);
    expect(JSON.stringify(issues)).toContain(message);
  });

  it('takes `max_completion_tokens` for the room of every question, and sends it in the place of `max_tokens`', () => {
    const question = {
      messages: [],
      sampling: { temperature: 0, top_p: 1, max_tokens: 64 },
      format: 'text',
      sample: 0,
    } as const;
    const fields = { max_completion_tokens: 1000, top_k: 5 };
    expect(withRoom(question, fields).sampling).toEqual({ temperature: 0, top_p: 1, max_tokens: 1000 });
    expect(withRoom(question, { top_k: 5 })).toBe(question);
    expect(sentFields(fields, 2000)).toEqual({ max_completion_tokens: 2000, top_k: 5 });
    expect(sentFields({ top_k: 5 }, 64)).toEqual({ max_tokens: 64, top_k: 5 });
    expect(sentFields(undefined, 64)).toEqual({ max_tokens: 64 });
  });
});
