import { once } from 'node:events';
import { request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSandbox } from '../../src/sandbox/open-sandbox.js';
import type { Sandbox, SandboxRun } from '../../src/sandbox/sandbox.js';
import { sandboxServer } from '../../src/scoring/sandbox-server.js';
import { decodeResult, KEPT_FROM_BYTES, keptName, NOT_KEPT } from '../../src/scoring/wire.js';
import { describeSandbox, processesWith, python } from '../sandbox/real-sandbox.js';

describeSandbox('a sandbox that is served', () => {
  let sandbox: Sandbox;
  let server: Server;
  const runs: SandboxRun[] = [];
  const mostBytes = 1024 * 1024;
  beforeAll(async () => {
    sandbox = await openSandbox({ languages: ['python'] });
    const counted: Sandbox = {
      ...sandbox,
      run: (run, signal) => {
        runs.push(run);
        return sandbox.run(run, signal);
      },
    };
    server = sandboxServer(counted, 'the key', mostBytes).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.close();
  });

  function send(path: string, body: string, headers: Record<string, string> = { authorization: 'Bearer the key' }) {
    const { port } = server.address() as AddressInfo;
    const asked = ask({ host: '127.0.0.1', port, path, method: 'POST', headers });
    const said = new Promise<{ status: number; value: Record<string, unknown> }>((resolve, reject) => {
      asked.once('error', reject);
      asked.once('response', async (response) => {
        let text = '';
        for await (const piece of response) text += String(piece);
        resolve({ status: response.statusCode ?? 0, value: JSON.parse(text) });
      });
    });
    asked.end(body);
    return { asked, said };
  }
  const run = async (what: SandboxRun | object) => (await send('/run', JSON.stringify(what)).said).value;

  it('answers nobody without the key, and says without it only that it is there', async () => {
    const before = runs.length;
    for (const headers of [{}, { authorization: 'Bearer the kex' }, { authorization: 'the key' }])
      for (const path of ['/run', '/facts', '/prepare', '/'])
        expect(await send(path, JSON.stringify(python('1')), headers).said).toEqual({ status: 401, value: {} });
    expect(runs.length).toBe(before);
    expect(await send('/health', '', {}).said).toEqual({ status: 200, value: {} });
  });

  it('gives what the sandbox gives: how it ended, what it wrote, files of any bytes, and what is missing', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const program = [
      'import sys, os',
      'open("out", "wb").write(open("in", "rb").read()[::-1])',
      'os.mkdir("folder")',
      'print(sys.stdin.read() + os.environ["WORD"])',
      'sys.exit(3)',
    ].join('\n');
    const wanted: SandboxRun = python(program, {
      files: [{ path: 'in', content: bytes }],
      stdin: 'ä\u0000',
      env: { WORD: 'ö' },
      collect: ['out', 'folder', 'none'],
    });
    const sent = { ...wanted, files: [{ path: 'in', content: { base64: bytes.toString('base64') } }] };
    const never = new AbortController().signal;
    const { seconds: _, ...served } = decodeResult(await run(sent));
    const { seconds: _same, ...direct } = await sandbox.run(wanted, never);
    expect(served).toEqual({
      ...direct,
      collected: { ...direct.collected, out: { bytes: Buffer.from(bytes).reverse() } },
    });
    expect(served).toMatchObject({ ending: { how: 'exited', exitCode: 3 }, stdout: 'ä\u0000ö\n' });
  });

  it('says in the words of the sandbox why it does not run something', async () => {
    const outside = python('1', { files: [{ path: '../x', content: '' }] });
    expect(await send('/run', JSON.stringify(outside)).said).toMatchObject({
      status: 500,
      value: { code: 'sandbox/bad-path', message: expect.stringContaining('../x') },
    });
    expect(await run(python('1', { toolchain: 'go' }))).toMatchObject({ code: 'sandbox/no-toolchain' });
    expect(await send('/run', '{').said).toMatchObject({ status: 500 });
    expect(await send('/other', '{}').said).toMatchObject({ status: 500, value: { code: 'sandbox/bad-request' } });
  });

  it('knows a large content again by its hash, and says when it does not', async () => {
    const content = Buffer.alloc(KEPT_FROM_BYTES, 'large');
    const sized = (sent: object) =>
      python('print(len(open("in").read()))', { files: [{ path: 'in', content: sent }] as never });
    const known = { known: keptName(content) };
    expect((await send('/run', JSON.stringify(sized(known))).said).status).toBe(NOT_KEPT);
    await run(sized({ base64: content.toString('base64') }));
    expect(await run(sized(known))).toMatchObject({ stdout: `${KEPT_FROM_BYTES}\n` });
    // What a run has made is known as well: it is what the next one is given.
    await run(python('open("out", "w").write("made" * 10000)', { collect: ['out'] }));
    expect(await run(sized({ known: keptName(Buffer.alloc(40_000, 'made')) }))).toMatchObject({ stdout: '40000\n' });
  });

  it('stops a run when whoever asked has gone', async () => {
    const word = `gone-${process.pid}`;
    const { asked, said } = send('/run', JSON.stringify(python(`import time; "${word}"; time.sleep(1000)`)));
    said.catch(() => undefined);
    while (processesWith(word).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    asked.destroy();
    while (processesWith(word).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('takes no request that is larger than any of ours', async () => {
    const before = runs.length;
    const { said } = send('/run', ' '.repeat(mostBytes) + JSON.stringify(python('1')));
    const outcome = await said.then(({ value }) => value.code).catch((error: NodeJS.ErrnoException) => error.code);
    expect(['sandbox/bad-request', 'ECONNRESET', 'EPIPE']).toContain(outcome);
    expect(runs.length).toBe(before);
  });
});

describe('contents that are kept', () => {
  it('are large ones only', () => {
    expect(keptName(Buffer.alloc(KEPT_FROM_BYTES - 1))).toBeUndefined();
    expect(keptName('x'.repeat(KEPT_FROM_BYTES))).toBeUndefined();
  });
});
