/** Where in a trie of values a search stands. */
interface Node {
  readonly next: Map<number, Node>;
  /** The longest proper ending of what led here that begins some value: where the search goes on after a mismatch. */
  fallback: Node | undefined;
  /** Length of the longest value that ends here; 0 for none. */
  longest: number;
}

/**
 * Makes a function that puts `mask` in the place of every value, and of values that overlap as a whole. Time is linear in the
 * text however many values there are and however alike they look (Aho and Corasick's automaton); an alternation in a regular
 * expression would try them one by one at every character.
 */
export function maskerOf(values: readonly string[], mask: string): (text: string) => string {
  const root = automatonOf(values);
  return (text) => {
    let clean = '';
    let copied = 0;
    for (const [start, end] of occurrences(root, text)) {
      clean += text.slice(copied, start) + mask;
      copied = end;
    }
    return clean + text.slice(copied);
  };
}

function automatonOf(values: readonly string[]): Node {
  const newNode = (): Node => ({ next: new Map(), fallback: undefined, longest: 0 });
  const root = newNode();
  for (const value of values) {
    let node = root;
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index);
      const next = node.next.get(code) ?? newNode();
      node.next.set(code, next);
      node = next;
    }
    node.longest = value.length;
  }
  // By depth: a fallback is always shorter than what falls back to it, so it is complete already.
  const queue = [root];
  for (const node of queue) {
    for (const [code, next] of node.next) {
      next.fallback = node.fallback === undefined ? root : step(node.fallback, code);
      next.longest = Math.max(next.longest, next.fallback.longest);
      queue.push(next);
    }
  }
  return root;
}

/** Where the search stands after one more character. Fallbacks end at the root, which has none. */
function step(from: Node, code: number): Node {
  for (let node = from; ; node = node.fallback) {
    const next = node.next.get(code);
    if (next !== undefined) return next;
    if (node.fallback === undefined) return node;
  }
}

/** Places of values as `[start, end)`, in order; those that overlap are one. */
function occurrences(root: Node, text: string): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  let node = root;
  for (let index = 0; index < text.length; index += 1) {
    node = step(node, text.charCodeAt(index));
    if (node.longest === 0) continue;
    const end = index + 1;
    let start = end - node.longest;
    for (let last = found.at(-1); last !== undefined && last[1] > start; last = found.at(-1)) {
      start = Math.min(start, last[0]);
      found.pop();
    }
    found.push([start, end]);
  }
  return found;
}
