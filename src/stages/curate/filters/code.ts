import { evidenceIn } from '../../../security/texts/evidence.js';
import type { Trace } from '../../trace/records.js';
import type { Filter, FilterContext, Verdict } from './filter.js';

/** A name that a task asks for: `find_users(conn, name)` behind "write a function", say. What is repeated is bounded. */
const ASKED =
  /\b(?:functions?|methods?|routines?|procedures?|class(?:es)?|write|implement|create|define|exports?|named|called|provides?)\s{1,3}(?:[\w-]{1,20}\s{1,3}){0,4}`[^`\n]{0,120}?([A-Za-z_$][\w$]{1,80})\s?\(/gi;

/** Code of less than this share of what is usual among the samples of a task does not do all of it. */
const SHRUNK = 0.5;

/** What the task names is in the code, which is not much shorter than that of the task's other samples. */
export const functionKept: Filter = ({ trace, code, siblings }) => {
  if (code === '') return 'unverified';
  const asked = Array.from(trace.task.prompt.matchAll(ASKED), ([, name = '']) => name);
  const missing = asked.find((name) => !hasWord(code, name));
  if (missing !== undefined) return { code: 'function_missing', detail: `the code has no ${missing}` };
  const usual = siblings[Math.floor(siblings.length / 2)] ?? 0;
  if (siblings.length > 2 && code.length < usual * SHRUNK) {
    return { code: 'code_shrunk', detail: `${code.length} characters of code, where ${usual} are usual for the task` };
  }
  return asked.length > 0 || siblings.length > 2 ? 'pass' : 'unverified';
};

function hasWord(code: string, name: string): boolean {
  for (let at = code.indexOf(name); at !== -1; at = code.indexOf(name, at + 1)) {
    const around = `${code[at - 1] ?? ' '}${code[at + name.length] ?? ' '}`;
    if (!/[\w$]/.test(around)) return true;
  }
  return false;
}

/** What is read of a trace for actuation: labelled code has no more. */
interface Coded {
  readonly trace: { readonly task: Pick<Trace['task'], 'language' | 'cwes'> };
  readonly code: string;
}

/** The code shows what prevents the weaknesses, and does not show the mistake that is each. */
export const actuation = (
  { trace: { task }, code }: Coded,
  { catalogue }: Pick<FilterContext, 'catalogue'>,
): Verdict => {
  if (code === '') return 'unverified';
  const read = evidenceIn(code, task.language, task.cwes, catalogue);
  const mistaken = read.find(({ verdict }) => verdict === 'contradicted');
  if (mistaken !== undefined)
    return { code: 'mistake_in_code', detail: `${mistaken.cwe}: ${mistaken.danger[0]?.slice(0, 200) ?? ''}` };
  // Of several weaknesses the classifier's later guesses often do not apply; one that is prevented is enough.
  if (read.some(({ verdict }) => verdict === 'shown')) return 'pass';
  const absent = read.filter(({ verdict }) => verdict === 'absent').map(({ cwe }) => cwe);
  return absent.length === 0
    ? 'unverified'
    : { code: 'mitigation_not_in_code', detail: `nothing in the code prevents ${absent.join(', ')}` };
};
