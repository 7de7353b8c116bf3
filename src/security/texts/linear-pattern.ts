/** Widest bounded repetition in an evidence pattern. */
const WIDEST = 200;
/** A repetition above this counts as wide. */
const WIDE = 8;
/** How many wide repetitions a pattern may hold: of `.` or a negated class, which match nearly anything; of any atom. */
const MOST_WILD = 2;
const MOST_WIDE = 6;

/**
 * Says why a regular expression could take more than linear time, or `undefined` when it cannot. The rule is stricter
 * than needed, so that it can be read at a glance: repetition is always bounded (`?`, `{0,40}`), a group is never
 * repeated, there are few wide repetitions, and no back references. Then each start costs at most a constant.
 */
export function linearPatternProblem(source: string): string | undefined {
  try {
    new RegExp(source, 'u');
  } catch {
    return 'is not a valid regular expression (flag u)';
  }
  let wide = 0;
  let wild = 0;
  let inClass = false;
  let atomIsWild = false;
  for (let at = 0; at < source.length; at += 1) {
    const char = source[at];
    if (char === '\\') {
      const next = source[at + 1] ?? '';
      if (!inClass && /[1-9k]/.test(next)) return 'back references are not allowed';
      if (!inClass) atomIsWild = false;
      at += 1;
    } else if (inClass) {
      inClass = char !== ']';
    } else if (char === '[') {
      inClass = true;
      atomIsWild = source[at + 1] === '^';
    } else if (char === '*' || char === '+') {
      return `unbounded "${char}" is not allowed: use {0,${WIDEST}} or less`;
    } else if (char === '(' && /^\(\?<[=!]/.test(source.slice(at, at + 4))) {
      return 'look-behind is not allowed';
    } else if (char === '{') {
      const bounds = /^\{\d+(?:(,)(\d*))?\}/.exec(source.slice(at)) ?? [''];
      const most = bounds[1] === undefined ? bounds[0].slice(1, -1) : (bounds[2] ?? '');
      if (most === '') return 'unbounded {n,} is not allowed';
      if (Number(most) > WIDEST) return `{${most}} is wider than ${WIDEST}`;
      if (source[at - 1] === ')' && source[at - 2] !== '\\') return 'a repeated group is not allowed';
      if (Number(most) > WIDE) wide += 1;
      if (Number(most) > WIDE && atomIsWild) wild += 1;
      at += bounds[0].length - 1;
    } else {
      atomIsWild = char === '.';
    }
  }
  if (wild > MOST_WILD) return `more than ${MOST_WILD} wide repetitions of "." or a negated class are not allowed`;
  if (wide > MOST_WIDE) return `more than ${MOST_WIDE} repetitions above {0,${WIDE}} are not allowed`;
  return undefined;
}
