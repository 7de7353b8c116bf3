import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Json } from '../../../src/base/hash.js';
import { requestHash } from '../../../src/models/answers/request-hash.js';
import type { ChatRequest } from '../../../src/models/chat.js';

const message = fc.record({
  role: fc.constantFrom('system', 'user', 'assistant'),
  content: fc.string({ unit: 'binary' }),
});
const request: fc.Arbitrary<ChatRequest> = fc.record({
  messages: fc.array(message, { minLength: 1, maxLength: 4 }),
  sampling: fc.record(
    {
      temperature: fc.double({ min: 0, max: 2, noNaN: true }),
      top_p: fc.double({ min: 0.01, max: 1, noNaN: true }),
      max_tokens: fc.integer({ min: 1, max: 100_000 }),
      seed: fc.integer(),
    },
    { requiredKeys: ['temperature', 'top_p', 'max_tokens'] },
  ),
  format: fc.constantFrom('text', 'json'),
  sample: fc.nat(100),
});

/** The same value with the keys of every object in reverse order. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map(reversed) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  ) as T;
}

describe('requestHash', () => {
  it('is the SHA-256 of canonical JSON, also when the system message is one that was hashed before', () => {
    const systems = Array.from({ length: 3 }, (_, index) => ({ role: 'system' as const, content: `"${index}" ä\n` }));
    const known = fc.tuple(fc.constantFrom(...systems), request).map(([system, one]) => ({
      ...one,
      messages: [system, ...one.messages],
    }));
    const identities = fc.constantFrom('m', 'Qwen/QwQ-32B@main', 'an "odd" näme');
    fc.assert(
      fc.property(identities, fc.oneof(known, request), (identity, one) => {
        const { messages, sampling, format, sample } = one;
        const sent = messages.map(({ role, content }) => ({ role, content: content.toWellFormed() }));
        const all = {
          identity,
          messages: sent,
          sampling: { ...sampling, seed: sampling.seed ?? null },
          format,
          sample,
        };
        expect(requestHash(identity, one)).toBe(sha256Json(all));
      }),
      { numRuns: 100 },
    );
  });

  it('remembers more system messages than it has room for', () => {
    const of = (n: number) =>
      requestHash('m', {
        messages: [{ role: 'system', content: `system ${n}` }],
        sampling: { temperature: 0, top_p: 1, max_tokens: 16 },
        format: 'text',
        sample: 0,
      });
    const hashes = Array.from({ length: 600 }, (_, n) => of(n));
    expect(new Set(hashes).size).toBe(600);
    expect(of(0)).toBe(hashes[0]);
    expect(of(599)).toBe(hashes[599]);
  });

  it('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(request, (one) => {
        expect(requestHash('m', reversed(one))).toBe(requestHash('m', one));
      }),
    );
  });

  it('changes with every field', () => {
    fc.assert(
      fc.property(request, (one) => {
        const { sampling, messages } = one;
        const [first] = messages;
        const variants: ChatRequest[] = [
          { ...one, sample: one.sample + 1 },
          { ...one, format: one.format === 'json' ? 'text' : 'json' },
          { ...one, sampling: { ...sampling, temperature: sampling.temperature === 0 ? 1 : 0 } },
          { ...one, sampling: { ...sampling, top_p: sampling.top_p === 1 ? 0.5 : 1 } },
          { ...one, sampling: { ...sampling, max_tokens: sampling.max_tokens + 1 } },
          { ...one, sampling: { ...sampling, seed: (sampling.seed ?? -1) + 1 } },
          { ...one, messages: [...messages, { role: 'user', content: '' }] },
          { ...one, messages: [{ role: first?.role ?? 'user', content: `${first?.content} ` }, ...messages.slice(1)] },
          {
            ...one,
            messages: [
              { role: first?.role === 'user' ? 'system' : 'user', content: first?.content ?? '' },
              ...messages.slice(1),
            ],
          },
        ];
        const hashes = [
          requestHash('m', one),
          requestHash('n', one),
          ...variants.map((variant) => requestHash('m', variant)),
        ];
        expect(new Set(hashes).size).toBe(hashes.length);
      }),
    );
  });

  it('takes half a surrogate pair for what is sent in its place', () => {
    const of = (content: string) =>
      requestHash('m', {
        messages: [{ role: 'user', content }],
        sampling: { temperature: 0, top_p: 1, max_tokens: 16 },
        format: 'text',
        sample: 0,
      });
    expect(of('a\ud800b')).toBe(of('a\ufffdb'));
    expect(of('\u{1f600}')).not.toBe(of('\ufffd'));
  });

  it('stays what it is from version to version, because recordings are addressed by it', () => {
    const one: ChatRequest = {
      messages: [{ role: 'user', content: 'hello' }],
      sampling: { temperature: 0, top_p: 1, max_tokens: 16 },
      format: 'text',
      sample: 0,
    };
    expect(requestHash('model@1', one)).toMatchInlineSnapshot(
      `"ca8176356f4685c74fdf6e8c418ef6264be00d42949d419daa7b780cf0e859e5"`,
    );
  });
});
