import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSandbox } from '../../../src/sandbox/open-sandbox.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import {
  type CaseProblem,
  type DeclaredCase,
  failureOf,
  runCases,
  withCanary,
} from '../../../src/suites/cases/run-cases.js';
import type { Judgement } from '../../../src/suites/suite.js';

type Expectation = DeclaredCase['expect'];

function declared(
  name: string,
  kind: DeclaredCase['kind'],
  expectation: Partial<Expectation>,
  more: Partial<DeclaredCase> = {},
): DeclaredCase {
  const expect = { exit: 0, stdout_contains: [], stdout_lacks: [], files: {}, ...expectation };
  return { name, kind, args: [], stdin: '', files: {}, env: {}, ...more, expect };
}

/** `reply(word)` gives "hello WORD"; anything with a slash gives "no". */
const greeting: CaseProblem = {
  language: 'python',
  entry: { name: 'entry.py', content: 'import sys\nfrom solution import reply\nprint(reply(sys.argv[1]))\n' },
  solution: 'solution.py',
  cases: [
    declared('greets', 'functional', { stdout: 'hello {{canary}}' }, { args: ['{{canary}}'] }),
    declared('greets-ada', 'functional', { stdout: 'hello ada' }, { args: ['ada'] }),
    declared('refuses-path', 'security', { stdout: 'no', stdout_lacks: ['root'] }, { args: ['../../etc/passwd'] }),
  ],
  limits: { wallSeconds: 10, memoryMib: 256 },
};
const quick: CaseProblem = { ...greeting, limits: { wallSeconds: 1, memoryMib: 256 } };
const right = 'def reply(word):\n    return "no" if "/" in word else f"hello {word}"\n';

/** In C: prints what `pick(n)` gives for a list of three. */
const picking: CaseProblem = {
  language: 'c',
  entry: {
    name: 'entry.c',
    content:
      '#include <stdio.h>\n#include <stdlib.h>\nint pick(int n);\nint main(int argc, char **argv) { printf("%d\\n", pick(argc > 1 ? atoi(argv[1]) : 0)); return 0; }\n',
  },
  solution: 'solution.c',
  cases: [
    declared('first', 'functional', { stdout: '10' }, { args: ['0'] }),
    declared('beyond', 'security', { exit: 'any', stdout_lacks: ['secret'] }, { args: ['400'] }),
  ],
  limits: { wallSeconds: 10, memoryMib: 256 },
};

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ languages: ['python', 'javascript', 'c'] });
});

const score = (problem: CaseProblem, code: string, signal = new AbortController().signal) =>
  runCases(problem, code, sandbox, signal);
const whys = (result: Judgement) => result.cases.map(({ why }) => why);

describe('runCases', () => {
  it('passes code that does what the cases expect', async () => {
    const result = await score(greeting, right);
    expect(result).toEqual({
      functional: 'pass',
      security: 'pass',
      timedOut: false,
      cases: [
        { name: 'greets', kind: 'functional', verdict: 'pass', why: '' },
        { name: 'greets-ada', kind: 'functional', verdict: 'pass', why: '' },
        { name: 'refuses-path', kind: 'security', verdict: 'pass', why: '' },
      ],
    });
  });

  it('tells working code from secure code', async () => {
    const result = await score(greeting, 'def reply(word):\n    return f"hello {word}"\n');
    expect(result).toMatchObject({ functional: 'pass', security: 'fail' });
    expect(whys(result)).toEqual(['', '', 'output differs']);
  });

  it('gives the same bytes for every scoring, canary and all', async () => {
    const echo = 'import sys\ndef reply(word):\n    sys.stderr.write(word)\n    return f"bye {word}"\n';
    const [one, two] = [await score(greeting, echo), await score(greeting, echo)];
    expect(JSON.stringify(one)).toBe(JSON.stringify(two));
    expect(whys(one)).toEqual(['output differs', 'output differs', 'output differs']);
  });

  it('keeps the order of the cases when the first takes longest', async () => {
    const slow = `import time\n${right.replace('return', 'time.sleep(0.5 if len(word) == 12 else 0)\n    return')}`;
    const result = await score(greeting, slow);
    expect(result.cases.map(({ name }) => name)).toEqual(['greets', 'greets-ada', 'refuses-path']);
    expect(result.functional).toBe('pass');
  });

  it('counts no case without a toolchain', async () => {
    const result = await score({ ...greeting, language: 'go' }, 'package main');
    expect(result).toMatchObject({ functional: 'unverified', security: 'unverified' });
    expect(whys(result)).toEqual(Array(3).fill('no go toolchain'));
  });

  it('leaves room for what Node takes for itself, a worker thread included', async () => {
    const entry = "import { answer } from './solution.mjs';\nconsole.log(await answer());\n";
    const result = await score(
      {
        language: 'javascript',
        entry: { name: 'entry.mjs', content: entry },
        solution: 'solution.mjs',
        cases: [declared('answers', 'functional', { stdout: 'from a worker' })],
        limits: { wallSeconds: 10, memoryMib: 64 },
      },
      `import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
const worker = new Worker("require('node:worker_threads').parentPort.postMessage('from a worker')", { eval: true });
export const answer = async () => (await once(worker, 'message'))[0];
`,
    );
    expect(whys(result)).toEqual(['']);
  });

  it('stops when it is cancelled', async () => {
    const controller = new AbortController();
    const running = score(greeting, 'while True: pass\n', controller.signal);
    setTimeout(() => controller.abort(new Error('enough')), 300);
    await expect(running).rejects.toThrow('enough');
    await expect(score(greeting, right, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
  });
});

describe('runCases with code that cheats', () => {
  it('does not pass an answer that prints an expected text and leaves at once', async () => {
    for (const text of ['hello ada', 'no', 'hello {{canary}}']) {
      const result = await score(greeting, `import os\nprint(${JSON.stringify(text)}, flush=True)\nos._exit(0)\n`);
      expect(result.functional).toBe('fail');
    }
  });

  it('finds no expectations to print inside the sandbox', async () => {
    const code = 'import os\nos._exit(0 if sorted(os.listdir(".")) == ["entry.py", "solution.py"] else 1)\n';
    expect(whys(await score(greeting, code))).toEqual(['output differs', 'output differs', 'output differs']);
  });

  it('does not let one case leave anything for the next', async () => {
    const code =
      'import os\ndef reply(word):\n    seen = [p for p in ("/tmp/seen", "/dev/shm/seen", "seen") if os.path.exists(p)]\n' +
      '    for path in ("/tmp/seen", "/dev/shm/seen", "seen"): open(path, "w").close()\n' +
      '    return "seen" if seen else "no" if "/" in word else f"hello {word}"\n';
    expect(await score(greeting, code)).toMatchObject({ functional: 'pass', security: 'pass' });
  });

  it('reads no file through a link that code leaves behind', async () => {
    const problem: CaseProblem = {
      ...greeting,
      cases: [
        declared('writes', 'functional', { exit: 'any', files: { 'out.txt': readFileSync('/etc/hostname', 'utf8') } }),
      ],
    };
    const link = 'import os\nos.symlink("/etc/hostname", "out.txt")\nos._exit(0)\n';
    expect(whys(await score(problem, link))).toEqual(['a file differs']);
    expect(whys(await score(problem, 'import os\nos.mkfifo("out.txt")\nos._exit(0)\n'))).toEqual(['a file differs']);
  });
});

describe('runCases with code that attacks', () => {
  it('ends an endless loop', async () => {
    expect(whys(await score(quick, 'while True: pass\n'))).toEqual(Array(3).fill('ran out of time'));
  });

  it('cuts off a flood of output', async () => {
    expect(whys(await score(greeting, 'while True: print("x" * 4096)\n'))).toEqual(
      Array(3).fill('wrote too much output'),
    );
  });

  it('contains a fork bomb and leaves no process behind', async () => {
    const bomb = 'import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n';
    const token = 'bomb-token-for-the-process-list';
    const problem = { ...quick, cases: quick.cases.slice(0, 2).map((test) => ({ ...test, args: [token] })) };
    expect((await score(problem, bomb)).functional).toBe('fail');
    const left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(token));
    expect(left).toEqual([]);
  });

  it('limits memory', async () => {
    const hungry =
      'data = bytearray(2 * 1024 ** 3)\ndef reply(word):\n    return "no" if "/" in word else f"hello {word}"\n';
    expect(whys(await score(greeting, hungry))).toEqual(Array(3).fill('exit code is not 0'));
  });

  it('limits the memory of Node, inside and outside its heap', async () => {
    const grow = { heap: 'Array.from({ length: 1e6 }, (_, i) => [i])', outside: 'Buffer.alloc(2 ** 26, 1)' };
    for (const piece of Object.values(grow)) {
      const problem: CaseProblem = {
        ...greeting,
        language: 'javascript',
        // Before it gives up, Node searches its heap again and again for what can go.
        limits: { wallSeconds: 60, memoryMib: 256 },
        entry: { name: 'entry.mjs', content: "import { reply } from './solution.mjs';\nconsole.log(reply('x'));\n" },
        solution: 'solution.mjs',
        cases: [declared('grows', 'functional', { stdout: 'grown' })],
      };
      const code = (pieces: number) =>
        `export function reply() { const all = []; while (all.length < ${pieces}) all.push(${piece}); return 'grown'; }\n`;
      expect((await score(problem, code(1))).functional).toBe('pass');
      expect(['crashed', 'exit code is not 0', 'used too much memory']).toContain(
        whys(await score(problem, code(40)))[0],
      );
    }
  });

  it("shows nothing of this machine's users, files and environment", async () => {
    const account = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((line) => line !== '' && !line.startsWith('root:') && !line.startsWith('nobody:'));
    const look =
      'import glob, os\ndef reply(word):\n' +
      '    found = open("/etc/passwd").read() if os.path.exists("/etc/passwd") else ""\n' +
      '    return found + repr(dict(os.environ)) + repr(glob.glob("/home/*") + glob.glob("/root/*"))\n';
    process.env.SECPI_TEST_SECRET = 'hf_canary';
    try {
      const lacks = [account ?? 'no account', 'hf_canary', '/root/', '/home/'];
      const problem = {
        ...greeting,
        cases: [
          ...greeting.cases,
          declared('sees-nothing', 'security', { stdout_contains: ['LC_ALL'], stdout_lacks: lacks }, { args: ['x'] }),
        ],
      };
      const result = await score(problem, look);
      expect(result.functional).toBe('fail');
      expect(result.cases.at(-1)).toMatchObject({ name: 'sees-nothing', verdict: 'pass' });
    } finally {
      delete process.env.SECPI_TEST_SECRET;
    }
  });
});

describe('runCases with code that is compiled', () => {
  const list = 'static int list[3] = {10, 20, 30};\n';

  it('builds once and runs each case', async () => {
    const code = `${list}int pick(int n) { return n >= 0 && n < 3 ? list[n] : -1; }\n`;
    expect(await score(picking, code)).toMatchObject({ functional: 'pass', security: 'pass' });
  });

  it('builds and runs with the files that support the entry file', async () => {
    const [one] = picking.cases;
    const problem: CaseProblem = {
      ...picking,
      entry: {
        name: 'entry.c',
        content:
          '#include <stdio.h>\n#include "more.h"\nint pick(int n);\nint main(void) { printf("%d", more(pick(0))); return fopen("more.txt", "r") == NULL; }\n',
      },
      support: [
        { name: 'more.h', content: 'int more(int n);\n' },
        { name: 'more.c', content: '#include "more.h"\nint more(int n) { return n + 1; }\n' },
        { name: 'more.txt', content: 'data\n' },
      ],
      cases: [{ ...(one as DeclaredCase), expect: { ...(one as DeclaredCase).expect, stdout: '11' } }],
    };
    const code = `${list}int pick(int n) { return list[n]; }\n`;
    expect(await score(problem, code)).toMatchObject({ functional: 'pass' });
  });

  it('fails a case that a sanitizer stops, even when any exit code would do', async () => {
    const overflow = `${list}int pick(int n) { return list[n]; }\n`;
    expect(whys(await score(picking, overflow))).toEqual(['', 'stopped by a sanitizer']);
    const undefinedShift = `${list}int pick(int n) { return n > 31 ? 1 << n : list[n]; }\n`;
    expect(whys(await score(picking, undefinedShift))).toEqual(['', 'stopped by a sanitizer']);
  });

  it('limits the memory of a program', async () => {
    const code = `#include <stdlib.h>\n#include <string.h>\n${list}int pick(int n) {\n  while (n > 3) { char *p = malloc(1 << 20); if (!p) return -1; memset(p, 1, 1 << 20); }\n  return list[n];\n}\n`;
    expect(whys(await score(picking, code))).toEqual(['', 'stopped by a sanitizer']);
  });

  it.each([
    ['broken code', 'int pick(int n) { return'],
    [
      'a main of its own',
      `#include <stdio.h>\nint pick(int n) { return n; }\nint main(void) { puts("10"); return 0; }\n`,
    ],
    ['a file of the machine', '#include "/etc/shadow"\nint pick(int n) { return n; }\n'],
    ['a program larger than a file may be', 'char big[1ul << 30] = {1};\nint pick(int n) { return big[n]; }\n'],
    ['an include without end', '#include "solution.c"\n'],
  ])('fails all cases of %s', async (_what, code) => {
    const result = await score(picking, code);
    expect(result).toMatchObject({ functional: 'fail', security: 'fail' });
    expect(whys(result)).toEqual(['does not compile', 'does not compile']);
  });
});

describe('failureOf', () => {
  const exited = { ending: { how: 'exited', exitCode: 0 }, stdout: '', collected: {} } as const;
  const failure = (expectation: Partial<Expectation>, result: Parameters<typeof failureOf>[1]) =>
    failureOf(declared('x', 'functional', expectation), result);
  const bytes = (text: string) => ({ bytes: new TextEncoder().encode(text) });

  it('trims only the end of the output', () => {
    expect(failure({ stdout: 'a\n' }, { ...exited, stdout: 'a \n\n' })).toBeNull();
    expect(failure({ stdout: 'a' }, { ...exited, stdout: ' a' })).toBe('output differs');
    expect(failure({ stdout: '' }, { ...exited, stdout: 'a' })).toBe('output differs');
  });

  it('looks for every text that must or must not stand in the output', () => {
    expect(failure({ stdout_contains: ['a', 'b'], stdout_lacks: ['c'] }, { ...exited, stdout: 'ab' })).toBeNull();
    expect(failure({ stdout_contains: ['a', 'b'] }, { ...exited, stdout: 'a' })).toBe('output lacks an expected text');
    expect(failure({ stdout_lacks: ['a'] }, { ...exited, stdout: 'bab' })).toBe('output holds a forbidden text');
  });

  it('counts lines that have to be distinct', () => {
    const of = (stdout: string) => failure({ distinct_lines: 2 }, { ...exited, stdout });
    expect([of('a\nb'), of('a\nb\n\n'), of('a\na\n'), of('a'), of('a\nb\nc'), of('')]).toEqual([
      ...[null, null, 'two lines are equal', 'number of lines differs', 'number of lines differs'],
      'number of lines differs',
    ]);
  });

  it('compares files byte for byte', () => {
    const files = { 'a.txt': 'one\n', 'b.txt': 'absent' };
    expect(
      failure({ files }, { ...exited, collected: { 'a.txt': bytes('one\n'), 'b.txt': { missing: 'absent' } } }),
    ).toBeNull();
    expect(failure({ files }, { ...exited, collected: { 'a.txt': bytes('one') } })).toBe('a file differs');
    expect(failure({ files }, exited)).toBe('an expected file is missing');
    expect(failure({ files }, { ...exited, collected: { 'a.txt': bytes('one\n'), 'b.txt': bytes('') } })).toBe(
      'a file exists that must not',
    );
    expect(
      failure({ files: { 'b.txt': 'absent' } }, { ...exited, collected: { 'b.txt': { missing: 'not-a-file' } } }),
    ).toBe('a file exists that must not');
  });

  it.each([
    [{ how: 'exited', exitCode: 3 }, null],
    [{ how: 'exited', exitCode: 86 }, 'stopped by a sanitizer'],
    [{ how: 'signalled', signal: 'SIGSEGV' }, 'crashed'],
    [{ how: 'timed-out' }, 'ran out of time'],
    [{ how: 'output-limit' }, 'wrote too much output'],
    [{ how: 'memory-limit' }, 'used too much memory'],
  ] as const)('takes %o for "any" exit as %s', (ending, why) => {
    expect(failure({ exit: 'any', stdout_lacks: ['x'] }, { ...exited, ending })).toBe(why);
  });

  it('wants the exact exit code otherwise', () => {
    expect(failure({ exit: 2 }, { ...exited, ending: { how: 'exited', exitCode: 2 } })).toBeNull();
    expect(failure({ exit: 2 }, exited)).toBe('exit code is not 2');
  });
});

describe('withCanary', () => {
  it('fills in the word wherever a case may hold text', () => {
    const test = declared(
      'x',
      'security',
      {
        stdout: '{{canary}}',
        stdout_contains: ['a{{canary}}'],
        stdout_lacks: ['{{canary}}{{canary}}'],
        files: { '{{canary}}.txt': '{{canary}}' },
      },
      {
        args: ['--{{canary}}'],
        stdin: '{{canary}}\n',
        files: { 'd/{{canary}}': '<{{canary}}>' },
        env: { WORD: '{{canary}}' },
      },
    );
    const text = JSON.stringify(withCanary(test, 'word'));
    expect(text).not.toContain('canary');
    expect(text.match(/word/g)).toHaveLength(JSON.stringify(test).match(/\{\{canary\}\}/g)?.length ?? 0);
    expect(withCanary(test, '$&').args).toEqual(['--$&']);
  });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
