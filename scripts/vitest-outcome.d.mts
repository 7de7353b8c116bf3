export function vitestOutcome(
  report: string,
  code: number | undefined,
): {
  readonly isOfVitest: boolean;
  readonly counts: {
    readonly passed: number;
    readonly failed: number;
    readonly skipped: number;
    readonly names: readonly string[];
  };
};
