import { guidedTalk } from './guided-talk.js';
import { wordLine, wordsOf } from './words.js';

/** What the teacher was shown and must not repeat. */
export interface Guidance {
  readonly text: string;
  /** Ids, names and aliases of the weaknesses: anybody may use these words. */
  readonly names: readonly string[];
}

export interface Leak {
  /** `ngram`: words of the guidance; `phrase`: talk about having been given some. */
  readonly kind: 'ngram' | 'phrase';
  /** The words that gave it away, lower case, without punctuation. */
  readonly text: string;
}

/** Words in a row that count as copied. The length that s1 and open-r1 use for contamination. */
export const LEAK_WORDS = 8;

/** A copy of which a word was changed here and there: this many runs of three words in a window of sixteen are the guidance's. */
const NEAR = { run: 3, window: 16, runs: 10 };

/**
 * Finds traces of the guidance in what the teacher wrote: eight words in a row that stand in the guidance (but neither in
 * the task nor in a weakness's name; code in backticks is left out, because good answers share it), a passage that differs from it
 * in a word here and there, or talk about being guided. Returns the first find, or `undefined`.
 */
export function promptLeak(text: string, guidance: Guidance, taskPrompt: string): Leak | undefined {
  const copied = copiedWords(wordsOf(text), taughtBy(guidance), taskPrompt);
  if (copied !== undefined) return { kind: 'ngram', text: copied };
  const said = guidedTalk(text, taskPrompt);
  return said === undefined ? undefined : { kind: 'phrase', text: said };
}

interface Taught {
  readonly long: ReadonlySet<string>;
  readonly short: ReadonlySet<string>;
}

/** Kept as long as the guidance is: many traces share one. */
const known = new WeakMap<Guidance, Taught>();

function taughtBy(guidance: Guidance): Taught {
  const before = known.get(guidance);
  if (before !== undefined) return before;
  const pieces = guidanceSegments(guidance).map(wordsOf);
  const taught = {
    long: new Set(pieces.flatMap((words) => [...runsOf(words, LEAK_WORDS)])),
    short: new Set(pieces.flatMap((words) => [...runsOf(words, NEAR.run)])),
  };
  known.set(guidance, taught);
  return taught;
}

function copiedWords(words: readonly string[], taught: Taught, taskPrompt: string): string | undefined {
  let taskLine: string | undefined;
  const ofTheTask = (run: string) => {
    taskLine ??= wordLine(taskPrompt);
    return taskLine.includes(` ${run} `);
  };
  for (const run of runsOf(words, LEAK_WORDS)) if (taught.long.has(run) && !ofTheTask(run)) return run;

  // Where in the window the runs of the guidance begin; one that the task has as well does not count.
  const hits: number[] = [];
  let at = 0;
  for (const run of runsOf(words, NEAR.run)) {
    if (taught.short.has(run) && !ofTheTask(run)) {
      hits.push(at);
      const first = hits.at(-NEAR.runs);
      if (first !== undefined && at - first <= NEAR.window - NEAR.run)
        return words.slice(first, at + NEAR.run).join(' ');
    }
    at += 1;
  }
  return undefined;
}

/** The guidance in pieces, cut where code or a weakness's name stands. */
function guidanceSegments({ text, names }: Guidance): readonly string[] {
  const cut = '\u0000';
  const prose = text.replace(/`[^`\n]*`/g, cut);
  const longestFirst = [...new Set(names)]
    .filter((name) => wordsOf(name).length > 0)
    .sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return prose.split(cut);
  const escaped = longestFirst.map((name) => name.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  const named = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${escaped.join('|')})(?![\\p{L}\\p{N}_])`, 'giu');
  return prose.replace(named, cut).split(cut);
}

function* runsOf(words: readonly string[], length: number): Iterable<string> {
  for (let at = 0; at + length <= words.length; at += 1) yield words.slice(at, at + length).join(' ');
}
