/**
 * The code of an answer as LiveCodeBench finds it (`lcb_runner/utils/extraction_utils.py`, MIT): what stands between the last two lines with a fence
 * in them. `null` where there are no two, or nothing between them.
 */
export function lastFenced(answer: string): string | null {
  const lines = answer.split('\n');
  const fences = lines.flatMap((line, index) => (line.includes('```') ? [index] : []));
  const [first, last] = fences.slice(-2);
  if (first === undefined || last === undefined) return null;
  const code = lines.slice(first + 1, last).join('\n');
  return code.trim() === '' ? null : code;
}
