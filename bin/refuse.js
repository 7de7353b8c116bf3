/**
 * Says why the program cannot start, in the form that its other usage errors have, and sets exit code 2. Plain JavaScript
 * without dependencies that also an old Node understands: neither the build nor npm packages need be there.
 */
export function refuse({ code, message, hint }) {
  if (process.argv.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ type: 'error', code, message, hint })}\n`);
  } else {
    process.stderr.write(`error: ${message}\nhint: ${hint}\ncode: ${code}\n`);
  }
  process.exitCode = 2;
}
