import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { packageRoot } from '../../src/base/package-root.js';

/** The floors of `src/`, lowest first. This table decides; `biome.json` and `docs/architecture.md` have to agree with it. */
export const FLOORS: readonly (readonly string[])[] = [
  ['base'],
  ['recipe', 'engine', 'setup'],
  ['security', 'hub', 'sandbox', 'compute', 'export'],
  ['datasets', 'suites', 'models', 'scoring'],
  ['stages'],
  ['pipeline'],
  ['cli'],
];

export const ROOMS: readonly string[] = FLOORS.flat();

/** 1 is the lowest. Throws for a room that the table does not know. */
export function floorOf(room: string): number {
  const index = FLOORS.findIndex((rooms) => rooms.includes(room));
  if (index === -1) throw new Error(`src/${room} is on no floor`);
  return index + 1;
}

/** What a room may not import: everything above it and its neighbours, lowest first. */
function forbiddenTo(room: string): readonly string[] {
  return ROOMS.filter((other) => other !== room && floorOf(other) >= floorOf(room));
}

/** The lint overrides that hold the floors, as they have to stand in `biome.json`. */
export function floorOverrides(): readonly unknown[] {
  return ROOMS.filter((room) => forbiddenTo(room).length > 0).map((room) => ({
    includes: [room === 'pipeline' ? 'src/pipeline.ts' : `src/${room}/**`],
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: 'error',
            options: {
              patterns: [
                {
                  group: forbiddenTo(room).map((other) => (other === 'pipeline' ? '**/pipeline.js' : `**/${other}/**`)),
                  message: `Floors: src/${room} may only import rooms below it (docs/architecture.md).`,
                },
              ],
            },
          },
        },
      },
    },
  }));
}

/** Which room a file under `src/` belongs to. What stands beside `pipeline.ts` is a part of it. */
export function roomOf(file: string): string {
  const [first = ''] = relative(join(packageRoot, 'src'), file).split(sep);
  return first.endsWith('.ts') ? 'pipeline' : first;
}

/** Every TypeScript file of the project's own code; the problems of `mini` are data. */
export function sourceFiles(): readonly string[] {
  const root = join(packageRoot, 'src');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.split(sep).includes('problems'))
    .map((name) => join(root, name))
    .sort();
}

export interface RoomImport {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Every import from one room into another, types and imports at run time included. */
export function importsBetweenRooms(): readonly RoomImport[] {
  return sourceFiles().flatMap((path) => {
    const specifiers = readFileSync(path, 'utf8').matchAll(/(?:\bfrom|\bimport\s*\(?)\s*'(\.[^']+)'/g);
    return [...specifiers].flatMap(([, specifier = '']) => {
      const target = resolve(dirname(path), specifier.replace(/\.js$/, '.ts'));
      const edge = { file: relative(packageRoot, path), from: roomOf(path), to: roomOf(target) };
      return edge.from === edge.to ? [] : [edge];
    });
  });
}
