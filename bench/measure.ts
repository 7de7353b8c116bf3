/** Seconds that `work` takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** Three digits are more than such a measurement knows. */
export function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** One line of a result: name, figure, ratio. */
export function line(name: string, figure: string, ratio: string): void {
  process.stdout.write(`${name.padEnd(58)} ${figure.padStart(14)}  ${ratio}\n`);
}
