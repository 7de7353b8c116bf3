import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'undici';
import { hasMeans } from './means.js';

const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

export const hasChromium = hasMeans(program !== undefined, 'there is no Chromium');

/** A headless browser with one page, spoken to over the DevTools protocol. */
export interface Browser extends AsyncDisposable {
  /** Opens an address and waits until it has loaded. */
  open(url: string): Promise<void>;
  /** Makes the page as wide as a screen of so many CSS pixels. */
  resize(width: number, height: number): Promise<void>;
  /** The value of an expression on the page. It is the debugger's: no policy of the page keeps it from running. */
  evaluate<T>(expression: string): Promise<T>;
  /** Does something that leads to another page, and waits until that has loaded. */
  follow(expression: string): Promise<void>;
  /** What the browser asked for since it started, by address. */
  readonly requested: readonly string[];
  /** What the page's policy has forbidden, and what went wrong in scripts. */
  readonly complaints: readonly string[];
}

export async function startChromium(): Promise<Browser> {
  if (program === undefined) throw new Error('there is no Chromium');
  const profile = await mkdtemp(join(tmpdir(), 'secpi-chromium-'));
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  const quiet = [
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-extensions',
  ];
  const args = [...flags, ...quiet, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const page = await connect(await pageAddress(profile));
  return {
    ...page,
    async [Symbol.asyncDispose]() {
      page.close();
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The browser writes down where it listens once it does. */
async function pageAddress(profile: string): Promise<string> {
  for (let tries = 0; tries < 300; tries += 1) {
    const text = await readFile(join(profile, 'DevToolsActivePort'), 'utf8').catch(() => '');
    const port = /^(\d+)\n/.exec(text)?.[1];
    if (port !== undefined) {
      const response = await fetch(`http://127.0.0.1:${port}/json/list`);
      const pages = (await response.json()) as { type: string; webSocketDebuggerUrl: string }[];
      const page = pages.find(({ type }) => type === 'page');
      if (page !== undefined) return page.webSocketDebuggerUrl;
    }
    await sleep(100);
  }
  throw new Error('Chromium has not started within 30 s');
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

async function connect(address: string) {
  const socket = new WebSocket(address);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('error', () => reject(new Error('Chromium does not talk to us')), { once: true });
  });
  const waiting = new Map<number, (message: Message) => void>();
  const listeners = new Set<(message: Message) => void>();
  const requested: string[] = [];
  const complaints: string[] = [];
  let last = 0;
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    for (const listener of listeners) listener(message);
    const { method, params = {} } = message;
    if (method === 'Network.requestWillBeSent') requested.push((params.request as { url: string }).url);
    if (method === 'Log.entryAdded') complaints.push((params.entry as { text: string }).text);
    if (method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(params));
  });
  const send = async (method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> => {
    last += 1;
    const id = last;
    socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await new Promise<Message>((resolve) => waiting.set(id, resolve));
    waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  };
  const loaded = (): Promise<void> =>
    new Promise((resolve) => {
      const listener = ({ method }: Message): void => {
        if (method !== 'Page.loadEventFired') return;
        listeners.delete(listener);
        resolve();
      };
      listeners.add(listener);
    });
  for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await send(`${domain}.enable`);

  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result } = await send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    return (result as { value: T }).value;
  };
  return {
    requested,
    complaints,
    evaluate,
    async open(url: string) {
      const done = loaded();
      await send('Page.navigate', { url });
      await done;
    },
    async resize(width: number, height: number) {
      await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: true });
    },
    async follow(expression: string) {
      const done = loaded();
      await evaluate(expression);
      await done;
    },
    close: () => socket.close(),
  };
}
