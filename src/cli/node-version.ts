/** The oldest Node that runs secpi, as `engines` in `package.json` has it. */
const OLDEST = [20, 19] as const;

/** Whether a version of Node (`20.19.0`) runs secpi. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}
