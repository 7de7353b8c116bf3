import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, isSecretName } from '../../src/base/redact.js';

describe('isSecretName', () => {
  it.each([
    'HF_TOKEN',
    'OPENAI_API_KEY',
    'MY_SECRET',
    'SECRET_THING',
    'DB_PASSWORD',
    'password',
    'GH_PAT',
    'TOKEN',
    'AWS_SECRET_ACCESS_KEY',
  ])('knows %s', (name) => expect(isSecretName(name)).toBe(true));
  it.each(['HOME', 'PATH', 'TOKENIZERS_PARALLELISM', 'KEYBOARD', 'MONKEY', 'COMPASS', 'MAX_TOKENS'])(
    'leaves %s',
    (name) => expect(isSecretName(name)).toBe(false),
  );
});

describe('createRedactor', () => {
  it('masks the values of secret variables and nothing else', () => {
    const redact = createRedactor({ HF_TOKEN: 'hf_canary', HOME: '/home/someone', EMPTY_TOKEN: '', SHORT_KEY: 'abc' });
    expect(redact('token hf_canary in /home/someone, abc')).toBe('token [redacted] in /home/someone, abc');
  });

  it('masks a secret that begins with another one as a whole', () => {
    const redact = createRedactor({ A_TOKEN: 'secret', B_TOKEN: 'secret-and-more' });
    expect(redact('x secret-and-more y secret z')).toBe('x [redacted] y [redacted] z');
  });

  it('finds a secret inside JSON, inside a URL, and line by line', () => {
    const pem = '-----BEGIN-----\nAAAAAAAAAAAAAAAAAAAAAAAA\nBBBBBBBBBBBBBBBBBBBBBBBB\n';
    const redact = createRedactor({ ODD_PASSWORD: 'p"w\\d &/x', SSH_KEY: pem });
    expect(redact(JSON.stringify({ value: 'p"w\\d &/x' }))).toBe('{"value":"[redacted]"}');
    expect(redact(`http://host/?q=${encodeURIComponent('p"w\\d &/x')}`)).toBe('http://host/?q=[redacted]');
    expect(redact('line BBBBBBBBBBBBBBBBBBBBBBBB')).toBe('line [redacted]');
  });

  it('knows tokens by shape, headers and addresses', () => {
    const redact = createRedactor({});
    expect(redact(`hf_${'a1B2'.repeat(8)} and sk-proj-${'x'.repeat(20)}`)).toBe('[redacted] and [redacted]');
    expect(redact('Authorization: Bearer abcdef.123456')).toBe('Authorization: Bearer [redacted]');
    expect(redact('see https://me:pw@host/path')).toBe('see https://[redacted]@host/path');
    expect(redact('call hf_hub_download, risk-averse, a@b.c')).toBe('call hf_hub_download, risk-averse, a@b.c');
  });

  it('takes values that came from elsewhere', () => {
    expect(createRedactor({}, ['swordfish'])('swordfish!')).toBe('[redacted]!');
  });

  it('never lets a secret through, whatever stands around it, and is stable', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9_+/=$^.*-]{6,40}$/).filter((s) => !'[redacted]'.includes(s));
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const redact = createRedactor({ SOME_TOKEN: value });
        const once = redact(`${before}${value}${after}`);
        expect(once).not.toContain(value);
        expect(redact(once)).toBe(once);
      }),
    );
  });
});
