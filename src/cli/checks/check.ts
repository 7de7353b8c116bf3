/** One line of `secpi doctor`. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'missing';
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
  /** Without it the quickstart (or the recipe asked about) does not get through. */
  readonly required: boolean;
}
