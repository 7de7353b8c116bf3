import type { Mistake } from './diagnostic.js';
import type { RecipeDocument } from './document.js';
import type { Complaint } from './issue-diagnostics.js';
import { type AppliedOverride, isContainer, isMapping } from './layers.js';
import type { Override } from './override.js';
import type { Path } from './path.js';

/** Where a merged value came from: the uppermost layer that has it. */
type Origin =
  | { readonly kind: 'override'; readonly override: Override }
  | { readonly kind: 'document'; readonly document: RecipeDocument };

/** Where the values of a merged recipe stand: in a file, or on the command line. */
export class Placement {
  private readonly documents: readonly RecipeDocument[];
  private readonly applied: readonly AppliedOverride[];
  private readonly origins: Origins;
  /** Where the values of a matrix stand. */
  private readonly below: Placement;

  /** `documents` from the recipe, of which there is one, down to what it extends; `applied` as they were put on top. */
  constructor(documents: readonly RecipeDocument[], applied: readonly AppliedOverride[], below?: Placement) {
    this.documents = documents;
    this.applied = applied;
    this.origins = new Origins(documents, applied);
    this.below = below ?? this;
  }

  /** With values of the matrix on top, which stand in the recipe themselves. */
  with(chosen: readonly AppliedOverride[]): Placement {
    return chosen.length === 0 ? this : new Placement(this.documents, [...this.applied, ...chosen], this);
  }

  /** The file that a value stands in; undefined for the command line. */
  documentOf(path: Path): RecipeDocument | undefined {
    const origin = this.origins.of(path);
    if (origin.kind === 'document') return origin.document;
    const { place } = origin.override;
    return place === undefined ? undefined : this.below.documentOf(place);
  }

  mistake({ path, what, words }: Complaint): Mistake {
    const origin = this.origins.of(path);
    if (origin.kind === 'document') return { ...origin.document.locate(path, what), words };
    const { override } = origin;
    if (override.place === undefined) return ofOverride(override, words);
    const inside = path.slice(override.path.length);
    // What is wrong with the way to the value is wrong with the axis.
    const isAxis = path.length < override.path.length || (what === 'key' && inside.length === 0);
    return isAxis
      ? this.below.mistake({ path: override.place.slice(0, -1), what: 'key', words })
      : this.below.mistake({ path: [...override.place, ...inside], what, words });
  }
}

/** A mistake of the command line. */
export function ofOverride({ shown }: Override, words: Mistake['words']): Mistake {
  const said = () => {
    const { message, hint } = words();
    return { message: `--set ${shown}: ${message}`, hint };
  };
  return { location: undefined, length: 0, words: said };
}

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
class Origins {
  private readonly root: PlaceInLayers;

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
