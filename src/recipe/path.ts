import { clip } from '../base/clip.js';

/** Where in a recipe a value stands: keys of maps, and numbers of list items, counted from 0. */
export type Path = readonly PropertyKey[];

/** The path as it is written on the command line and in messages: `collect.sources[0].file`, `gates.min_gain."a.b"`. */
export function dotted(path: Path): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${part(String(key))}`))
    .join('');
}

/** Quoted where it would be taken for something else. */
function part(key: string): string {
  const shown = clip(key, 80);
  return /^[^\s.=[\]"'`]+$/.test(shown) ? shown : JSON.stringify(shown);
}

/** A set of paths. Not one of their texts: a key may be half a mebibyte long, and stand in ten thousand of them. */
export class PathSet {
  private readonly further = new Map<PropertyKey, PathSet>();
  private ends = false;

  add([key, ...rest]: Path): void {
    if (key === undefined) {
      this.ends = true;
      return;
    }
    const further = this.further.get(key) ?? new PathSet();
    this.further.set(key, further);
    further.add(rest);
  }

  has([key, ...rest]: Path): boolean {
    return key === undefined ? this.ends : (this.further.get(key)?.has(rest) ?? false);
  }
}
