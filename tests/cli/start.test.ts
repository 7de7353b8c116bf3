import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';

const built = join(packageRoot, 'dist', 'cli');

/** What a built file loads with itself, itself included; not what it asks for later. */
function loadedWith(name: string, seen = new Map<string, string>()): ReadonlyMap<string, string> {
  if (seen.has(name)) return seen;
  const text = readFileSync(join(built, name), 'utf8');
  seen.set(name, text);
  for (const [, next = ''] of text.matchAll(/^(?:import|export)[^;"]*"\.\/([^"]+)";/gm)) loadedWith(next, seen);
  return seen;
}

function packagesOf(file: string): readonly (string | undefined)[] {
  const packages = /^\/\/ node_modules\/((?:@[^/\n]+\/)?[^/\n]+)/gm;
  return [...loadedWith(file).values()].flatMap((text) => [...text.matchAll(packages)].map(([, name]) => name));
}

describe('what a command loads before it does anything', () => {
  const main = readFileSync(join(built, 'main.js'), 'utf8');
  const commands = [...main.matchAll(/import\("\.\/(([a-z-]+)-[A-Z0-9]+\.js)"\)/g)].map(([, file = '', name = '']) => [
    name,
    file,
  ]);

  it('can be told', () => {
    expect(packagesOf(new Map(commands.map(([name, file]) => [name, file])).get('run') ?? '')).toContain('zod');
  });

  it.each(commands)('%s loads no package that only some runs need', (_name, file = '') => {
    for (const heavy of ['undici', 'openai', 'vega', 'vega-lite', 'hyparquet', '@huggingface/hub', 'listr2'])
      expect(packagesOf(file)).not.toContain(heavy);
  });
});
