/** What rows are chosen by. */
export interface RowFacets {
  /** A code (why a task was rejected, a trace dropped) or a verdict; `''` where a row has none. */
  readonly reason: string;
  /** `''` where a row has none. */
  readonly language: string;
  readonly cwes: readonly string[];
}

/** A row that is no JSON object. */
export const UNREADABLE: RowFacets = { reason: 'unreadable', language: '', cwes: [] };

/** Longer values are cut: they are shown in a list to choose from. */
const LONGEST = 40;
/** More ids than any record of ours has. */
const MOST_CWES = 12;

type Row = Readonly<Record<string, unknown>>;

/** The facets of a row, whatever record it is: those of a trace stand in its task, those of a sample are verdicts. */
export function facetsOf(row: Row): RowFacets {
  const task = isRow(row.task) ? row.task : {};
  const cwes = Array.isArray(row.cwes) ? row.cwes : Array.isArray(task.cwes) ? task.cwes : [];
  return {
    reason: textOf(row.code) || verdictOf(row),
    language: textOf(row.language) || textOf(task.language),
    cwes: cwes
      .slice(0, MOST_CWES)
      .map(textOf)
      .filter((id) => id !== ''),
  };
}

/** The object that a line of JSON Lines holds; `undefined` when it holds none. */
export function rowIn(line: string): Row | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRow(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A scored answer has two verdicts: the worse one is what one looks for. */
function verdictOf({ functional, security }: Row): string {
  if (typeof functional !== 'string') return '';
  return functional === 'pass' && typeof security === 'string'
    ? `security ${textOf(security)}`
    : `function ${textOf(functional)}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, LONGEST) : '';
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
