import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { root } from './bootstrap.mjs';
import { tally } from './tally.mjs';

/**
 * What a run of Vitest left behind at `report`, whose exit code was `code`. `isOfVitest`: every test passed and nothing of ours was left unhandled, yet it ended badly. Its
 * fourth version does when a pipe to a worker breaks (vitest-dev/vitest#10964), and the fifth runs on no Node 20.
 */
export function vitestOutcome(report, code) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(`${report}.json`, 'utf8'),
  );
  const names = testResults.flatMap(({ name: file, status, message, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName);
    const untested = status === 'failed' && tests.length === 0 ? [message.split('\n')[0]] : tests;
    return untested.map((test) => `${relative(root, file)}: ${test}`);
  });
  const unhandled = JSON.parse(readFileSync(`${report}.unhandled.json`, 'utf8'));
  const isOfVitest =
    code !== 0 && names.length === 0 && unhandled.every((error) => error.startsWith('Error: [vitest-pool'));
  names.push(...unhandled);
  if (code !== 0 && names.length === 0) names.push(`it ended with exit code ${code}, though no test failed`);
  // A file that does not even load fails no test, nor does a rejection that nobody awaited; the exit code knows.
  const failed = numFailedTests === 0 && code !== 0 ? 1 : numFailedTests;
  return {
    isOfVitest,
    counts: tally({ passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests, names }),
  };
}
