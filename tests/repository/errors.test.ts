import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { sourceFiles } from './floors.js';

const page = readFileSync(join(packageRoot, 'docs', 'errors.md'), 'utf8');
const listed = [...page.matchAll(/^\| `([a-z]+\/[a-z-]+)` \|/gm)].map(([, code = '']) => code);

const typescript = sourceFiles().map((path) => readFileSync(path, 'utf8'));
/** What the program says before it is loaded. */
const launcher = readdirSync(join(packageRoot, 'bin')).map((name) =>
  readFileSync(join(packageRoot, 'bin', name), 'utf8'),
);
const pythonIn = (...folder: string[]) =>
  readdirSync(join(packageRoot, ...folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.py'))
    .map((name) => readFileSync(join(packageRoot, ...folder, name), 'utf8'));
const python = pythonIn('trainers', 'secpi_trainers');
const agent = pythonIn('agent', 'secpi_agent');

function matches(texts: readonly string[], pattern: RegExp): string[] {
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, code = '']) => code));
}

/** Codes that are put together at run time: the template, and where the variable part can come from. */
const composed: Readonly<Record<string, readonly string[]>> = {
  'hub/${code}': matches(typescript, /\bfailed\(\s*'([a-z-]+)'/g).map((name) => `hub/${name}`),
  'models/${fatal}': matches(typescript, /\bfatal: '([a-z-]+)'/g).map((name) => `models/${name}`),
};

function codesInSources(): readonly string[] {
  const direct = matches(typescript, /'((?:[a-z]+)\/[a-z]+(?:-[a-z]+)*)'/g);
  // A quoted `a/b` is a code when `a` is what some code begins with; paths and media types begin otherwise.
  const rooms = new Set(
    [/SecpiError\(\s*'([a-z]+)\//g, /super\(\s*'([a-z]+)\//g, /\bcode: '([a-z]+)\/[a-z-]+',\n/g].flatMap((pattern) =>
      matches(typescript, pattern),
    ),
  );
  const trainer = matches(python, /(?:Trainer|Unsound)Error\(\s*"([a-z-]+)"/g)
    .concat(matches(python, /super\(\).__init__\("([a-z-]+)"/g))
    .map((name) => `trainer/${name}`);
  return [
    ...direct.filter((code) => rooms.has(code.split('/')[0] ?? '')),
    ...Object.values(composed).flat(),
    ...matches(launcher, /'(usage\/[a-z-]+)'/g),
    ...trainer,
    ...matches(agent, /"((?:job|slurm|container)\/[a-z-]+)"/g),
  ];
}

describe('docs/errors.md', () => {
  const inSources = [...new Set(codesInSources())].sort();

  it('lists every code that the sources can throw', () => {
    expect(inSources.length).toBeGreaterThan(80);
    expect(inSources.filter((code) => !listed.includes(code))).toEqual([]);
  });

  it('lists no code that the sources do not know', () => {
    expect(listed.filter((code) => !inSources.includes(code))).toEqual([]);
  });

  it('lists each code once, with what to do', () => {
    expect(listed.filter((code, index) => listed.indexOf(code) !== index)).toEqual([]);
    expect([...page.matchAll(/^\| `[a-z]+\/[a-z-]+` \|\s*\|/gm)]).toEqual([]);
  });

  it('knows every code that is put together at run time', () => {
    const templates = matches(typescript, /SecpiError\(\s*`([^`]+)`\s*,/g);
    expect(templates.filter((template) => composed[template] === undefined)).toEqual([]);
    for (const codes of Object.values(composed)) expect(codes.length).toBeGreaterThan(0);
  });
});
