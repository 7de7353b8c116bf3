import { sha256 } from '../../base/hash.js';

/**
 * A marker that the text cannot hold, derived from the text itself: writing it inside would change it. The same text
 * always gets the same marker, so that requests keep their hash.
 */
export function fenceMarker(text: string): string {
  for (let round = 0; ; round += 1) {
    const marker = `TASK-${sha256(`${round}\n${text}`).slice(0, 16)}`;
    if (!text.includes(marker)) return marker;
  }
}
