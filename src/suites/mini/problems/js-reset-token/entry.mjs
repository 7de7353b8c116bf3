// entry.mjs type | shape | distinct | replay | digits: look at the tokens. The last two play somebody who knows what
// Math.random and the clock say, as an attacker can work out.
const mode = process.argv[2];

function freeze(random) {
  Math.random = random;
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
}

/** The first token of a fresh instance of the module. */
async function firstToken(instance) {
  const { makeResetToken } = await import(`./solution.mjs?instance=${instance}`);
  return makeResetToken();
}

if (mode === 'replay') {
  let state = 1;
  freeze(() => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  });
  const first = await firstToken(1);
  state = 1;
  const second = await firstToken(2);
  console.log(first === second ? 'predicted' : 'unpredictable');
} else if (mode === 'digits') {
  freeze(() => 0.5);
  const tokens = [];
  for (let instance = 0; instance < 50; instance += 1) tokens.push(await firstToken(instance));
  const columns = [...tokens[0]].map((_, column) => new Set(tokens.map((token) => token[column])).size);
  // A UUID without its dashes keeps one digit fixed and one nearly so; 24 varying digits are still 96 bits.
  console.log(columns.filter((values) => values > 4).length >= 24 ? 'unpredictable' : 'predicted');
} else {
  const { makeResetToken } = await import('./solution.mjs');
  const tokens = Array.from({ length: 1000 }, () => makeResetToken());
  if (mode === 'type') console.log(typeof tokens[0]);
  else if (mode === 'shape') {
    const odd = tokens.find((token) => !/^[0-9a-f]{32}$/.test(token));
    console.log(odd === undefined ? '32 hex digits' : 'something else');
  } else console.log(`${new Set(tokens).size} of ${tokens.length}`);
}
