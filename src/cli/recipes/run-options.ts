/** Options that every command has. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** Options that `run`, `plan` and `why` share: which recipe, and which part of the flow. */
export interface SelectionOptions extends OutputOptions {
  readonly set: readonly string[];
  /** Names of members of the recipe's matrix; none: all. */
  readonly member: readonly string[];
  readonly from?: string;
  readonly until?: string;
  readonly only: readonly string[];
  readonly force: readonly string[];
}

export interface RunOptions extends SelectionOptions {
  readonly stealLocks?: boolean;
  readonly keepWork?: boolean;
}

/** What part of the flow the options choose. */
export function selectionOf({ from, until, only, force }: SelectionOptions) {
  return { from, until, only: only.length === 0 ? undefined : only, force };
}
