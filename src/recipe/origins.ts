import type { RecipeDocument } from './document.js';
import { type AppliedOverride, isContainer, isMapping } from './layers.js';
import type { Override } from './override.js';
import type { Path } from './path.js';

/** Where a merged value came from: the uppermost layer that has it. */
export type Origin =
  | { readonly kind: 'override'; readonly override: Override }
  | { readonly kind: 'document'; readonly document: RecipeDocument };

/** What one layer has at some path. */
interface Holding {
  readonly origin: Origin;
  /** What is left of an override's path; its value stands at the end of it. */
  readonly steps: readonly (string | number)[];
  readonly value: unknown;
}

/**
 * Finds the layer that decided a value; for a missing value, the layer that has the nearest parent. A list or a plain value
 * replaces everything below it, so what stands at the same path further down decides nothing.
 */
export class Origins {
  private readonly root: PlaceInLayers;

  /** `documents` from the recipe, of which there is one, down to what it extends; `overrides` as they were put on top. */
  constructor(documents: readonly RecipeDocument[], overrides: readonly AppliedOverride[]) {
    this.root = new PlaceInLayers([
      ...overrides.toReversed().map(({ override, steps }) => ({
        origin: { kind: 'override', override } as const,
        steps,
        value: override.value,
      })),
      ...documents.map((document) => ({
        origin: { kind: 'document', document } as const,
        steps: [],
        value: document.value,
      })),
    ]);
  }

  of(path: Path): Origin {
    let place = this.root;
    for (const key of path) {
      const next = place.entry(String(key));
      if (next === undefined) break;
      place = next;
    }
    return place.origin;
  }
}

/** A path and what the layers have there, the uppermost first. Entries are sorted out once, however many are asked for. */
class PlaceInLayers {
  private readonly holdings: readonly Holding[];
  private entries: ReadonlyMap<string, PlaceInLayers> | undefined;

  constructor(holdings: readonly Holding[]) {
    this.holdings = visible(holdings);
  }

  /** A missing key is missed in the layer that has the map, not in an override that adds another key to it. */
  get origin(): Origin {
    const home = this.holdings.find(({ steps }) => steps.length === 0) ?? this.holdings[0];
    return (home as Holding).origin;
  }

  entry(key: string): PlaceInLayers | undefined {
    this.entries ??= new Map(
      [...entriesOf(this.holdings)].map(([name, holdings]) => [name, new PlaceInLayers(holdings)]),
    );
    return this.entries.get(key);
  }
}

/** Those layers that have a part in the value: maps down to the first that is none, or a list with what was put into it. */
function visible(holdings: readonly Holding[]): readonly Holding[] {
  const kinds = holdings.map(kindOf);
  const [top] = kinds;
  if (top === 'whole') return holdings.slice(0, 1);
  const end = kinds.findIndex((kind) => kind !== top);
  if (end === -1) return holdings;
  // Items are put only into a list, and what stands below it counts no more.
  return holdings.slice(0, top === 'items' ? end + 1 : end);
}

/** `map`: adds to the map below; `items`: changes an item of the list below; `whole`: replaces what is below. */
function kindOf({ steps, value }: Holding): 'map' | 'items' | 'whole' {
  const [step] = steps;
  if (step !== undefined) return typeof step === 'number' ? 'items' : 'map';
  return isMapping(value) ? 'map' : 'whole';
}

function entriesOf(holdings: readonly Holding[]): ReadonlyMap<string, readonly Holding[]> {
  const held = new Map<string, Holding[]>();
  const add = (key: string, holding: Holding) => {
    const others = held.get(key);
    if (others === undefined) held.set(key, [holding]);
    else others.push(holding);
  };
  for (const { origin, steps, value } of holdings) {
    const [step, ...further] = steps;
    if (step !== undefined) add(String(step), { origin, steps: further, value });
    else if (isContainer(value)) {
      for (const [key, item] of Object.entries(value)) add(key, { origin, steps, value: item });
    }
  }
  return held;
}
