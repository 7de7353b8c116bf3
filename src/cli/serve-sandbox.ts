/**
 * The program at the other end of `src/scoring`: it is bundled into one file, brought to where answers are scored, and serves that machine's
 * sandbox there. Arguments: the address and the port to listen on, and the file that says why it could not.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, SecpiError } from '../base/errors.js';
import { openSandbox } from '../sandbox/open-sandbox.js';
import { SYSTEM_PATH } from '../sandbox/toolchains.js';
import { sandboxServer } from '../scoring/sandbox-server.js';
import { isNewEnough } from './node-version.js';

/** Where Go's own installer puts it (https://go.dev/doc/install); only the settings of a login shell add that to a search path. */
const GO_FOLDER = '/usr/local/go/bin';

const [host = '127.0.0.1', port = '0', result = ''] = process.argv.slice(2);
const apiKey = process.env.SECPI_API_KEY ?? '';
delete process.env.SECPI_API_KEY;
process.once('SIGTERM', () => process.exit(0));

try {
  const { node } = process.versions;
  if (!isNewEnough(node)) {
    throw new SecpiError('sandbox/old-node', `Node ${node} is too old to score with`, {
      hint: 'Install Node 20.19 or later there, or name it as `node` of that target.',
    });
  }
  if (apiKey === '') throw new SecpiError('sandbox/no-key', 'a sandbox is served to nobody without a key');
  const sandbox = await openSandbox({ path: `${process.env.PATH ?? SYSTEM_PATH}:${GO_FOLDER}` });
  const server = sandboxServer(sandbox, apiKey);
  server.once('error', fail);
  server.listen(Number(port), host);
} catch (error) {
  fail(error);
}

function fail(error: unknown): never {
  const { code, hint } = error instanceof SecpiError ? error : { code: 'sandbox/unavailable', hint: undefined };
  const message = messageOf(error);
  mkdirSync(dirname(result), { recursive: true });
  writeFileSync(result, JSON.stringify({ code, message, ...(hint === undefined ? {} : { hint }) }));
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
