import type { Json } from '../../base/json.js';

type Metrics = Readonly<Record<string, Json>>;

function isObject(value: Json | undefined): value is Metrics {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Puts the figures of two stages together, group by group; where both have a figure the later one counts. */
export function mergeMetrics(earlier: Metrics, later: Metrics): Metrics {
  const merged = new Map<string, Json>(Object.entries(earlier));
  for (const [key, value] of Object.entries(later)) {
    const before = merged.get(key);
    merged.set(key, isObject(before) && isObject(value) ? mergeMetrics(before, value) : value);
  }
  return Object.fromEntries(merged);
}
