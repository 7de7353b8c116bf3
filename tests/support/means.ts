/** Whether tests can have what they need, which `is` says. Where tests have to run (`CI`), its absence is an error; elsewhere they are skipped. */
export function hasMeans(is: boolean, what: string): boolean {
  if (is) return true;
  if (process.env.CI === 'true') throw new Error(`a test cannot run: ${what}`);
  process.stderr.write(`SKIPPED: tests, because ${what}.\n`);
  return false;
}
