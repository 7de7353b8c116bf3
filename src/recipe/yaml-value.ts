import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import { clip } from '../base/clip.js';
import type { Stretch, Trouble } from './place.js';
import { maximumDepth, readTree } from './yaml-tree.js';

/** A value that knows where it stands, and where what it holds stands. Behind an alias: the place of the alias. */
export interface PlacedValue extends Stretch {
  readonly value: unknown;
  readonly entries?: ReadonlyMap<string, PlacedEntry>;
  readonly items?: readonly PlacedValue[];
  /** Roughly its length in characters with all its aliases written out. */
  readonly size: number;
  /** How many maps and lists stand inside each other in it. */
  readonly depth: number;
}

export interface PlacedEntry {
  readonly key: Stretch;
  readonly value: PlacedValue;
}

/** How much all aliases of a recipe may stand for: a few lines of aliases of aliases would otherwise fill the memory. */
const maximumExpansion = 200_000;
/** What a value counts beside its text. */
const sizeOfNode = 20;

/**
 * Reads the value of a YAML text: aliases and merge keys (`<<`) filled in, maps as objects. Syntax errors, keys that stand
 * twice, aliases without end, and texts and numbers that cannot be kept as they are come back as troubles; what there is of
 * a value is then not to be used. An empty text has no value and no troubles.
 */
export function readValue(text: string): { readonly root?: PlacedValue; readonly troubles: readonly Trouble[] } {
  const { root, troubles } = readTree(text);
  if (root === undefined) return { troubles };
  const reader = new ValueReader();
  return { root: reader.read(root, 0), troubles: [...troubles, ...reader.troubles] };
}

class ValueReader {
  readonly troubles: Trouble[] = [];
  /** The latest anchor of each name; without a value while what it names is still being read. */
  private readonly anchors = new Map<string, { value?: PlacedValue }>();
  private expanded = 0;

  /** `around` counts the maps and lists that the node stands in. */
  read(node: Node | null, around: number): PlacedValue {
    if (isAlias(node)) return this.behind(node, around);
    const anchored: { value?: PlacedValue } = {};
    if (node?.anchor !== undefined) this.anchors.set(node.anchor, anchored);
    const value = isMap(node) ? this.map(node, around) : isSeq(node) ? this.list(node, around) : this.scalar(node);
    anchored.value = value;
    return value;
  }

  private scalar(node: Node | null): PlacedValue {
    const { start, end } = stretchOf(node);
    const value = isScalar(node) ? node.value : null;
    const source = isScalar(node) ? (node.source ?? '') : '';
    if (typeof value === 'string' && !value.isWellFormed()) this.refuse({ start, end }, halfCharacter);
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && wholeNumber.test(source)) {
      this.refuse({ start, end }, 'this integer is too large to be kept exactly');
    }
    return { start, end, value, size: sizeOfNode + source.length, depth: 0 };
  }

  private list(node: YAMLSeq, around: number): PlacedValue {
    const { start, end } = stretchOf(node);
    const items = node.items.map((item) => this.read(item as Node, around + 1));
    const { size, depth } = extentOf(items);
    return { start, end, value: items.map(({ value }) => value), items, size, depth };
  }

  private map(node: YAMLMap, around: number): PlacedValue {
    const entries = new Map<string, PlacedEntry>();
    const own = new Set<string>();
    for (const pair of node.items) {
      const key = pair.key as Scalar;
      const place = stretchOf(key);
      const name = String(this.read(key, around).value);
      const merge = name === '<<' && key.type === Scalar.PLAIN;
      if (own.has(name)) {
        const hint = merge ? 'Several maps are merged by one key: `<<: [*first, *second]`.' : undefined;
        this.refuse(place, 'this key stands twice in the same map', hint);
      }
      own.add(name);
      if (merge) {
        for (const [inner, entry] of this.merged(pair.value as Node | null, place, around)) {
          // What the map says itself counts, and of several maps the first.
          if (!entries.has(inner)) entries.set(inner, entry);
        }
      } else {
        entries.set(name, { key: place, value: this.read(pair.value as Node | null, around + 1) });
      }
    }
    const { size, depth } = extentOf([...entries.values()].map(({ value }) => value));
    const names = [...entries.keys()].reduce((sum, name) => sum + name.length, 0);
    // Not by assignment: a key such as `__proto__` has to stay visible until it is refused.
    const value = Object.fromEntries([...entries].map(([name, entry]) => [name, entry.value.value]));
    return { ...stretchOf(node), value, entries, size: size + names, depth };
  }

  /** The entries of what stands behind a merge key: a map, an alias of one, or a list of such. */
  private merged(node: Node | null, key: Stretch, around: number): readonly (readonly [string, PlacedEntry])[] {
    const parts = isSeq(node) ? (node.items as Node[]) : [node];
    return parts.flatMap((part) => {
      const { entries } = this.read(part, around);
      if (entries === undefined) this.refuse(isAlias(part) ? stretchOf(part) : key, 'only maps can be merged');
      return [...(entries ?? [])];
    });
  }

  private behind(alias: Alias, around: number): PlacedValue {
    const place = stretchOf(alias);
    // A map, as far as merging is concerned: one mistake is enough.
    const nothing = { ...place, value: null, entries: new Map<string, PlacedEntry>(), size: 0, depth: 0 };
    const refused = (message: string, hint?: string) => {
      this.refuse(place, message, hint);
      return nothing;
    };
    // Said once; from there on every alias is too much.
    if (this.expanded > maximumExpansion) return nothing;
    const anchored = this.anchors.get(alias.source);
    if (anchored === undefined) {
      const hint = 'A text that begins with * stands in quotes.';
      return refused(`no value above is marked as \`&${clip(alias.source, 40)}\``, hint);
    }
    if (anchored.value === undefined) return refused('this alias stands inside the value that it stands for');
    if (around + anchored.value.depth > maximumDepth) return refused(`nested more than ${maximumDepth} deep`);
    this.expanded += anchored.value.size;
    if (this.expanded > maximumExpansion) return refused('aliases expand to too much from here on');
    return { ...anchored.value, ...place };
  }

  private refuse(place: Stretch, message: string, hint?: string): void {
    this.troubles.push({ ...place, message, hint });
  }
}

/** A key or text with half of a surrogate pair has no UTF-8, and so no hash. */
export const halfCharacter = 'this text holds half of a surrogate pair, which is no character';

const wholeNumber = /^(?:[-+]?\d+|0o[0-7]+|0x[\da-f]+)$/i;

function stretchOf(node: Node | null): Stretch {
  const [start, end] = node?.range ?? [0, 0];
  // Of maps and lists only the beginning: they go over many lines.
  return { start, end: isScalar(node) || isAlias(node) ? end : start };
}

function extentOf(parts: readonly PlacedValue[]): Pick<PlacedValue, 'size' | 'depth'> {
  const depth = 1 + parts.reduce((most, part) => Math.max(most, part.depth), 0);
  return { size: parts.reduce((sum, part) => sum + part.size, sizeOfNode), depth };
}
