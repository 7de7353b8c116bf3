import { runInNewContext } from 'node:vm';
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

  it('takes the blanks around a secret for no part of it, and short lines of one for no secret', () => {
    expect(createRedactor({ A_TOKEN: ' hf_canary\n' })('<hf_canary>')).toBe('<[redacted]>');
    const lines = ['fifteen letters', 'sixteen  letters', 'short'];
    for (const feed of ['\n', '\r\n']) {
      const redact = createRedactor({ SSH_KEY: lines.join(feed) });
      expect(redact(lines.join(' | '))).toBe('fifteen letters | [redacted] | short');
    }
  });

  it('masks a secret that can stand in no URL: one with half a character in it', () => {
    expect(createRedactor({ A_TOKEN: 'canary\ud83d' })('<canary\ud83d>')).toBe('<[redacted]>');
  });

  it('is content with a secret that is not set', () => {
    expect(createRedactor({ A_TOKEN: undefined })('anything')).toBe('anything');
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

  it.each([
    ['https://me:pw1234@host/path', 'https://[redacted]@host/path'],
    ['postgres+ssl://u:p%40w@db:5432/x', 'postgres+ssl://[redacted]@db:5432/x'],
    ['(git+https://token@host)', '(git+https://[redacted]@host)'],
    ['"http://u:p@h","http://v:q@i"', '"http://[redacted]@h","http://[redacted]@i"'],
    ['a-b-c.d+e://u:p@h', 'a-b-c.d+e://[redacted]@h'],
    ['S3://U:P@h', 'S3://[redacted]@h'],
    ['http://one:two://u:p@h', 'http://one:two://[redacted]@h'],
    ['https://[redacted]@host', 'https://[redacted]@host'],
    ['https://host/who@where https://host?who@where https://host who@where', undefined],
    ['BEARER   abcdef/+~.-_==', 'BEARER   [redacted]'],
    ['bearer\n\tabcdef rest', 'bearer\n\t[redacted] rest'],
    ['Bearer [redacted]', 'Bearer [redacted]'],
    ['Bearer short', 'Bearer short'],
    ['forbearer abcdefghij', 'forbearer abcdefghij'],
    [
      `ghp_${'a'.repeat(20)} gho_${'b'.repeat(36)} ghx_${'c'.repeat(36)}`,
      `[redacted] [redacted] ghx_${'c'.repeat(36)}`,
    ],
    [`github_pat_${'a_'.repeat(10)}`, '[redacted]'],
    [`AKIA${'A1'.repeat(8)} AKIA${'A1'.repeat(9)}`, `[redacted] AKIA${'A1'.repeat(9)}`],
    [`sk-${'a'.repeat(15)} sk-${'a'.repeat(16)}`, `sk-${'a'.repeat(15)} [redacted]`],
  ])('masks %j', (text, expected = text) => expect(createRedactor({})(text)).toBe(expected));

  it('masks the password of an address whatever the scheme looks like, even when it is a secret itself', () => {
    expect(createRedactor({ A_TOKEN: 'scheme' })('scheme://u:p@h')).toBe('[redacted]://[redacted]@h');
  });

  const length = 5_000_000;
  const long = (piece: string) => piece.repeat(Math.ceil(length / piece.length));
  /** None of them stands in a row of `a`s, and all of them nearly do. */
  const alike = Array.from({ length: 2000 }, (_, index) => `${'a'.repeat(6 + index)}b`);
  const redact = createRedactor({}, alike);
  it.each([
    ['schemes without an end', long('a-')],
    ['an address without a name', `${long('a-')}://${long('b')}`],
    ['addresses in addresses', long('a://b')],
    ['names without a host', long('a://b:c;')],
    ['no more than colons and slashes', long('://')],
    ['bearers of nothing', long('Bearer ')],
    ['a bearer of blanks', `Bearer ${long(' ')}`],
    ['tokens too short', long('sk-hf_ghp_AKIA')],
    ['tokens just too short', long(`sk-${'a'.repeat(15)} AKIA${'A'.repeat(17)} `)],
    ['what nearly are thousands of known secrets', long('a')],
  ])('takes time in proportion to the text: %s', (_what, text) => {
    // Each takes about a tenth of a second; what is quadratic would take hours, and has to be stopped from outside.
    expect(() => runInNewContext('redact(text)', { redact, text }, { timeout: 30_000 })).not.toThrow();
  });
});
