import type { RecipeDocument } from './document.js';
import { type AppliedOverride, isMapping } from './layers.js';
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

  /** `documents` from the recipe down to what it extends, `overrides` in the order in which they were put on top. */
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

  /** Nothing only where there is no layer at all. */
  of(path: Path): Origin | undefined {
    let place = this.root;
    for (const key of path) {
      if (place.isOfOneLayer) break;
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
  private held: ReadonlyMap<string, readonly Holding[]> | undefined;
  private readonly places = new Map<string, PlaceInLayers>();

  constructor(holdings: readonly Holding[]) {
    this.holdings = visible(holdings);
  }

  /** Whether all below comes from the layer that this place comes from. */
  get isOfOneLayer(): boolean {
    const [first, second] = this.holdings;
    return first !== undefined && second === undefined && first.steps.length === 0;
  }

  /** A missing key is missed in the document that has the map, not in an override that adds another key to it. */
  get origin(): Origin | undefined {
    const home = this.holdings.find(({ origin, steps }) => origin.kind === 'document' || steps.length === 0);
    return (home ?? this.holdings[0])?.origin;
  }

  entry(key: string): PlaceInLayers | undefined {
    this.held ??= entriesOf(this.holdings);
    const holdings = this.held.get(key);
    const place = this.places.get(key) ?? (holdings && new PlaceInLayers(holdings));
    if (place !== undefined) this.places.set(key, place);
    return place;
  }
}

/** Those layers that have a part in the value: maps down to the first that is none, or a list with what was put into it. */
function visible(holdings: readonly Holding[]): readonly Holding[] {
  const kinds = holdings.map(kindOf);
  const [top] = kinds;
  const end = kinds.findIndex((kind) => kind !== top);
  const alike = end === -1 ? holdings : holdings.slice(0, end);
  if (top === 'whole') return holdings.slice(0, 1);
  return top === 'items' && kinds[end] === 'whole' ? holdings.slice(0, end + 1) : alike;
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
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) add(key, { origin, steps, value: item });
    }
  }
  return held;
}
