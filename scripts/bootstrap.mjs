// Brings a fresh clone to the point where `secpi` runs. Plain JavaScript without dependencies, because it runs before
// anything is installed. Every step is skipped when nothing has changed.
import '../bin/check-node.js';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');
export const secpi = join(root, 'bin', 'secpi.js');

/** Runs a program to its end with our terminal; resolves to its exit code, which is 128 + the number of the signal that ended it. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    // Ctrl-C reaches the child through the terminal; it decides what to save, and we wait for it.
    const ignore = () => {};
    process.on('SIGINT', ignore);
    const forward = () => child.kill('SIGTERM');
    process.on('SIGTERM', forward);
    const done = () => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', forward);
    };
    child.on('error', (error) => {
      done();
      reject(error);
    });
    child.on('close', (code, signal) => {
      done();
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

async function must(what, command, args) {
  const code = await run(command, args);
  if (code === 130 || code === 143) {
    process.stderr.write(`\n${what} was interrupted; the same command goes on.\n`);
    process.exit(code);
  }
  if (code !== 0) {
    process.stderr.write(`\n${what} failed (exit code ${code}).\n`);
    process.exit(1);
  }
}

/** npm packages, the build, system packages and the Python environment. `axolotl` adds Axolotl's, `development` that and what the tests need. */
export async function bootstrap({ axolotl = false, development = false } = {}) {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.secpi-lock');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    process.stdout.write('secpi: installing npm packages\n');
    await must('npm ci', 'npm', ['ci', '--no-audit', '--no-fund']);
    writeFileSync(stamp, lock);
  }
  await must('the build', process.execPath, [join(root, 'scripts', 'build.mjs')]);
  await must('the set-up', process.execPath, [
    secpi,
    'setup',
    ...(axolotl ? ['--axolotl'] : []),
    ...(development ? ['--development'] : []),
  ]);
}
