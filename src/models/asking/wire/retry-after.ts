/** The part of `Headers` that is needed here. */
interface HeaderSource {
  get(name: string): string | null;
}

/**
 * How long the server asks us to wait, in seconds: `retry-after-ms`, or `Retry-After` as seconds or as an HTTP date.
 * `undefined` when it says nothing that can be read. Not capped: that is the throttle's business.
 */
export function retryAfterSeconds(headers: HeaderSource | undefined, nowMs: number): number | undefined {
  const milliseconds = headers?.get('retry-after-ms');
  if (milliseconds && /^\d+(\.\d+)?$/.test(milliseconds)) return Number(milliseconds) / 1000;
  const value = headers?.get('retry-after');
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - nowMs) / 1000);
}
