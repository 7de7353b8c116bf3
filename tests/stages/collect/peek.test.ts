import { describe, expect, it } from 'vitest';
import { openHub } from '../../../src/hub/open-hub.js';
import { peek } from '../../../src/stages/collect/peek.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const nowhere = openHub({
  ...{ hubUrl: 'http://127.0.0.1:9', token: undefined, redact: (text: string) => text },
  retry: { retries: 0, firstDelayMs: 0, longestDelayMs: 0 },
});

async function peekAt(name: string, content: string) {
  await using folder = await temporaryFolder();
  const file = await folder.write(name, content);
  return peek({ file }, { hub: nowhere, signal: new AbortController().signal }, 10);
}

describe('peek', () => {
  it('counts only what a row has itself', async () => {
    const named = '"constructor": "", "toString": null, "__proto__": "x"';
    const { columns } = await peekAt('t.jsonl', `{"prompt": "Sort.", ${named}}\n{"prompt": "Sort it."}\n`);
    expect(columns).toEqual([
      { name: 'prompt', filled: 1, example: 'Sort.' },
      { name: 'constructor', filled: 0, example: undefined },
      { name: 'toString', filled: 0, example: undefined },
      { name: '__proto__', filled: 0.5, example: 'x' },
    ]);
  });
});
