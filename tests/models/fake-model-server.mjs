/**
 * Stands in for a model server: `fake-model-server.mjs WORK MODE`. `ready`: writes ready.json and stays. `slow`: stays and
 * is never ready. `dies`: says why and exits with 3. `stale`: leaves a ready.json of another process, then gets ready.
 * It starts a child that would outlive it, writes its pid to child.pid, and ignores SIGTERM when MODE ends with "-stubborn".
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const [work, mode] = process.argv.slice(2);
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
writeFileSync(join(work, 'child.pid'), String(child.pid));
if (mode.endsWith('-stubborn')) process.on('SIGTERM', () => process.stdout.write('no\n'));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

if (mode === 'dies') {
  process.stderr.write('loading weights\nRuntimeError: no such tensor for hf_canary_secret\n');
  process.exit(3);
}
const server = createServer((_, response) => response.end('{}'));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const ready = (pid) =>
    writeFileSync(
      join(work, 'ready.json'),
      JSON.stringify({ schema: 1, pid, port, base_url: `http://127.0.0.1:${port}/v1`, model: 'served' }),
    );
  process.stdout.write(`listening on ${port}\n`);
  if (mode.startsWith('ready')) ready(process.pid);
  if (mode === 'stale') {
    ready(process.pid + 1);
    setTimeout(() => ready(process.pid), 150);
  }
});
