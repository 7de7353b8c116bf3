import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { messageOf, SecpiError } from '../base/errors.js';
import { sha256 } from '../base/hash.js';
import type { Language, Sandbox, SandboxRun } from '../sandbox/sandbox.js';
import type { SandboxFacts } from '../sandbox/sandbox-facts.js';
import { selfTest } from '../sandbox/self-test.js';
import { RecentContents } from './recent-contents.js';
import { encodeResult, MOST_REQUEST_BYTES, NOT_KEPT, WIRE, type WireContent, type WireRun } from './wire.js';

const KEPT_BYTES = 256 * 1024 * 1024;

/** What was named by its hash is not here any more. */
class NotKept extends Error {}

/**
 * A sandbox for whoever has the key. What comes with it is believed: it is secpi at the other end, and it may run anything in here. A run
 * whose asker has gone is stopped.
 */
export function sandboxServer(sandbox: Sandbox, apiKey: string, mostBytes = MOST_REQUEST_BYTES): Server {
  const kept = new RecentContents(KEPT_BYTES);

  async function answer(request: IncomingMessage, signal: AbortSignal): Promise<object> {
    if (request.url === WIRE.facts) return factsOf(sandbox);
    if (request.url === WIRE.attack) return selfTest(sandbox, signal);
    const asked = await json(limited(request, mostBytes));
    if (request.url === WIRE.prepare) {
      await sandbox.prepare((asked as { readonly language: Language }).language);
      return {};
    }
    if (request.url !== WIRE.run) throw new SecpiError('sandbox/bad-request', `nothing is served at ${request.url}`);
    const { files, ...rest } = asked as WireRun;
    const run: SandboxRun = { ...rest, files: files.map((file) => ({ ...file, content: contentOf(file.content) })) };
    const result = await sandbox.run(run, signal);
    for (const file of Object.values(result.collected)) if ('bytes' in file) kept.keep(file.bytes);
    return encodeResult(result);
  }

  function contentOf(content: WireContent): string | Uint8Array {
    if (typeof content === 'string') return content;
    if ('known' in content) {
      const found = kept.get(content.known);
      if (found === undefined) throw new NotKept();
      return found;
    }
    const bytes = Buffer.from(content.base64, 'base64');
    kept.keep(bytes);
    return bytes;
  }

  return createServer((request, response) => {
    if (request.url === WIRE.health) return say(response, 200, {});
    if (!hasKey(request, apiKey)) return say(response, 401, {});
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('whoever asked has gone')));
    void answer(request, gone.signal).then(
      (said) => say(response, 200, said),
      (error: unknown) => {
        if (error instanceof NotKept) return say(response, NOT_KEPT, {});
        const { code, hint } = error instanceof SecpiError ? error : { code: 'sandbox/start-failed', hint: undefined };
        return say(response, 500, { code, message: messageOf(error), hint: hint ?? null });
      },
    );
  });
}

function factsOf({ level, toolchains, packs }: Sandbox): SandboxFacts {
  return { level, toolchains, packs };
}

function say(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Compared by hash, so that neither its length nor its beginning can be found out by the time that it takes. */
function hasKey({ headers }: IncomingMessage, apiKey: string): boolean {
  const given = sha256(headers.authorization ?? '');
  return timingSafeEqual(Buffer.from(given), Buffer.from(sha256(`Bearer ${apiKey}`)));
}

async function* limited(request: IncomingMessage, mostBytes: number): AsyncIterable<Buffer> {
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.byteLength;
    if (bytes > mostBytes) throw new SecpiError('sandbox/bad-request', 'the request is too large');
    yield piece;
  }
}
