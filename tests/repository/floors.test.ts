import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { FLOORS, floorOf, floorOverrides, importsBetweenRooms, ROOMS, roomOf, sourceFiles } from './floors.js';

const read = (path: string) => readFileSync(join(packageRoot, path), 'utf8');

describe('the floors of src', () => {
  it('hold every room there is, and no other', () => {
    const rooms = new Set(readdirSync(join(packageRoot, 'src')).map((name) => roomOf(join(packageRoot, 'src', name))));
    expect([...rooms].sort()).toEqual([...ROOMS].sort());
  });

  it('stand in the lint rules, room by room', () => {
    const { overrides } = JSON.parse(read('biome.json')) as { overrides: { includes: string[] }[] };
    const ofRooms = overrides.filter(({ includes }) => includes.some((pattern) => pattern.startsWith('src/')));
    expect(ofRooms).toEqual(floorOverrides());
  });

  it('are kept by every import, whatever the linter sees', () => {
    const imports = importsBetweenRooms();
    // The stages alone stand on all rooms of the floors below: an empty list would mean that nothing was found.
    expect(imports.length).toBeGreaterThan(50);
    expect(imports.filter(({ from, to }) => floorOf(to) >= floorOf(from))).toEqual([]);
  });
});

describe('rules beside the floors', () => {
  it('lets a stage import of another only what describes its artifacts', () => {
    const allowed = /^(?:[a-z]+\/records|report\/(?:report-data|format|suite-notes))\.js$/;
    const inStages = (path: string) => /\/stages\/(([a-z]+)\/.*)$/.exec(path) ?? [];
    const imports = sourceFiles().flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/'(\.{1,2}\/[\w/.-]+\.js)'/g)].flatMap(([, name = '']) => {
        const [[, , from], [, file = '', of]] = [inStages(path), inStages(join(dirname(path), name))];
        return from === undefined || of === undefined || from === of ? [] : [file];
      }),
    );
    expect(imports.length).toBeGreaterThan(10);
    expect(imports.filter((name) => !allowed.test(name))).toEqual([]);
  });

  it('lets the command line and the sandbox alone look at the process', () => {
    const readers = sourceFiles().filter((path) => /\bprocess\.(?:argv|env|cwd)\b/.test(readFileSync(path, 'utf8')));
    expect([...new Set(readers.map(roomOf))].sort()).toEqual(['cli', 'sandbox']);
  });
});

describe('docs/architecture.md', () => {
  const page = read('docs/architecture.md');

  it('draws the same floors', () => {
    const rows = [...page.matchAll(/^\| (\d) \| (.+?) \|/gm)].map(([, floor, rooms = '']) => ({
      floor: Number(floor),
      rooms: [...rooms.matchAll(/`([a-z]+)(?:\/|\.ts)`/g)].map(([, room]) => room),
    }));
    const drawn = FLOORS.map((rooms, index) => ({ floor: index + 1, rooms: [...rooms].sort() }));
    expect(rows.map(({ floor, rooms }) => ({ floor, rooms: rooms.sort() })).sort((a, b) => a.floor - b.floor)).toEqual(
      drawn,
    );
  });

  it('has a section for every room', () => {
    const sections = [...page.matchAll(/^### `([a-z]+)(?:\/|\.ts)`/gm)].map(([, room]) => room);
    expect(sections.sort()).toEqual([...ROOMS].sort());
  });

  it('has a section for every stage', () => {
    const stages = readdirSync(join(packageRoot, 'src', 'stages'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    const named = [...page.matchAll(/^\| `([a-z]+)` \| .* \|$/gm)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining(stages));
  });
});
