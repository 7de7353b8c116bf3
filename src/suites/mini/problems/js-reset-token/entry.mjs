// entry.mjs shape | tokens | known: look at the tokens. The last plays somebody who knows what Math.random, clocks and counters
// of the process say, as an attacker can work out: tokens of fresh instances of the module, cut into parts of eight digits.
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { performance } from 'node:perf_hooks';
import process from 'node:process';

let state = 1;

function freeze() {
  Math.random = () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
  const time = 1_700_000_000_000;
  globalThis.Date = class extends Date {
    constructor(...args) {
      super(...(args.length > 0 ? args : [time]));
    }
    static now() {
      return time;
    }
  };
  performance.now = () => 0;
  process.hrtime = Object.assign(() => [0, 0], { bigint: () => 0n });
  process.uptime = () => 1;
  process.cpuUsage = () => ({ user: 1, system: 1 });
  const memory = { rss: 1, heapTotal: 1, heapUsed: 1, external: 1, arrayBuffers: 1 };
  process.memoryUsage = Object.assign(() => memory, { rss: () => 1 });
  process.resourceUsage = () => ({ userCPUTime: 1, systemCPUTime: 1, maxRSS: 1 });
  os.uptime = () => 1;
  os.freemem = () => 1;
  os.loadavg = () => [0, 0, 0];
  syncBuiltinESMExports();
}

/** The first token of a fresh instance of the module. */
async function firstToken(instance) {
  const { makeResetToken } = await import(`./solution.mjs?instance=${instance}`);
  return makeResetToken();
}

const mode = process.argv[2];
if (mode === 'known') {
  freeze();
  for (let instance = 0; instance < 20; instance += 1) {
    state = 1;
    const token = await firstToken(instance);
    for (let part = 0; part < 4; part += 1) console.log(part, token.slice(part * 8, part * 8 + 8));
  }
} else {
  const { makeResetToken } = await import('./solution.mjs');
  const tokens = Array.from({ length: 1000 }, () => makeResetToken());
  if (mode === 'tokens') console.log(tokens.join('\n'));
  else console.log(tokens.every((token) => /^[0-9a-f]{32}$/.test(token)), typeof tokens[0]);
}
