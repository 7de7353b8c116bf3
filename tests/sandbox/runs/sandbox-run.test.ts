import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { startProcess } from '../../../src/base/processes/child-process.js';
import { openSandbox } from '../../../src/sandbox/open-sandbox.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { describeSandbox, exited, never, processesWith, python } from '../real-sandbox.js';

let sandbox: Sandbox;

describeSandbox('a run in the sandbox', () => {
  beforeAll(async () => {
    sandbox = await openSandbox({ languages: ['python'] });
  });

  it('sees its files and its input, and gives back output, exit code and files', async () => {
    const result = await sandbox.run(
      python(
        'import sys; open("out/made", "w").write(open("in/a").read() + sys.stdin.read()); print("höh"); print("e", file=sys.stderr); sys.exit(3)',
        {
          files: [
            { path: 'in/a', content: 'A' },
            { path: 'out/x', content: '' },
          ],
          stdin: 'B',
          collect: ['out/made', 'nothing'],
        },
      ),
      never,
    );
    expect(result).toMatchObject({ ...exited(3), stdout: 'höh\n', stderr: 'e\n', truncated: false });
    expect(result.collected).toEqual({
      'out/made': { bytes: new TextEncoder().encode('AB') },
      nothing: { missing: 'absent' },
    });
    expect(result.seconds).toBeGreaterThan(0);
  });

  it('runs with a small known environment, as nobody in particular', async () => {
    const program =
      'import os, json, socket; print(json.dumps([dict(os.environ), os.getcwd(), os.getuid() != 0, os.umask(0), socket.gethostname(), socket.gethostbyname("localhost"), sorted(os.listdir("/"))]))';
    const { stdout } = await sandbox.run(python(program, { env: { MORE: 'yes' } }), never);
    const [env, cwd, unprivileged, umask, host, local, root] = JSON.parse(stdout);
    expect(env).toEqual({
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: '/box',
      TMPDIR: '/tmp',
      LANG: 'C.UTF-8',
      TZ: 'UTC',
      ASAN_OPTIONS: expect.any(String),
      PYTHONDONTWRITEBYTECODE: '1',
      MORE: 'yes',
    });
    expect([cwd, unprivileged, umask, host, local]).toEqual(['/box', true, 0o022, 'sandbox', '127.0.0.1']);
    const expected = ['bin', 'box', 'dev', 'etc', 'lib', 'lib32', 'lib64', 'libx32', 'proc', 'sbin', 'tmp', 'usr'];
    expect(root.filter((name: string) => !expected.includes(name))).toEqual([]);
  });

  it('has a session of its own, and none of the groups that its starter is in', async () => {
    const groups = process.getgroups?.() ?? [];
    // Whoever may, gives it something to take away.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.setgroups?.([...groups, 4242]);
    try {
      const program = `import os
print(os.getsid(0) > 0, os.getgroups(), [line.strip().split(":", 2)[2] for line in open("/proc/self/cgroup")])`;
      const { stdout } = await sandbox.run(python(program), never);
      const [session, own, place] = /^(\w+) (\[.*?\]) (\[.*\])$/.exec(stdout.trim())?.slice(1) ?? [];
      expect(session).toBe('True');
      expect(own).toBe(isRoot ? '[]' : expect.stringMatching(/^\[(65534(, )?)*\]$/));
      // Where the host has put it is nothing that it has to know.
      expect(place?.replaceAll("'/', ", '').replace("'/'", '')).toBe('[]');
    } finally {
      if (isRoot) process.setgroups?.(groups);
    }
  });

  it('starts from nothing every time', async () => {
    const program =
      'import os; print(os.listdir("/box"), os.listdir("/tmp"), os.listdir("/dev/shm")); [open(p + "/x", "w") for p in ("/box", "/tmp", "/dev/shm")]';
    for (let run = 0; run < 2; run += 1) {
      expect(await sandbox.run(python(program), never)).toMatchObject({ ...exited(), stdout: '[] [] []\n' });
    }
  });

  it('tells how it ended', async () => {
    const ending = async (program: string, limits = {}) =>
      (await sandbox.run(python(program, { limits }), never)).ending;
    expect(await ending('import os; os.kill(os.getpid(), 11)')).toEqual({ how: 'signalled', signal: 'SIGSEGV' });
    expect(await ending('import os; os.abort()')).toEqual({ how: 'signalled', signal: 'SIGABRT' });
    expect(await ending('import time; time.sleep(60)', { wallSeconds: 0.3 })).toEqual({ how: 'timed-out' });
    expect(await ending('while True: pass', { cpuSeconds: 1 })).toEqual({ how: 'timed-out' });
    expect(await ending('while True: print("x" * 999)', { outputBytes: 5000 })).toEqual({ how: 'output-limit' });
    const missing = await sandbox.run({ toolchain: null, argv: ['no-such-program'], files: [] }, never);
    expect(missing).toMatchObject(exited(127));
  });

  it('can open its input and output again', async () => {
    const program = `
import sys
for name in ("/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"):
    with open(name, "w") as f: f.write(name + "\\n")
with open("/dev/stderr", "w") as f: f.write("error")
print(open("/dev/stdin").read())
sys.exit(7)
`;
    const result = await sandbox.run(python(program, { stdin: 'in' }), never);
    expect(result).toMatchObject({ ...exited(7), stderr: 'error' });
    expect(result.stdout).toBe('/dev/stdout\n/proc/self/fd/1\n/dev/fd/1\nin\n');
    const flood = python('f = open("/dev/stdout", "w")\nwhile True: f.write("x" * 999)', {
      limits: { outputBytes: 5000 },
    });
    expect(await sandbox.run(flood, never)).toMatchObject({ ending: { how: 'output-limit' }, truncated: true });
  });

  it('gives a large input to whoever reads it slowly, or not at all', async () => {
    const stdin = 'x'.repeat(3 << 20);
    const slowly = 'import sys, time; time.sleep(0.1); print(len(sys.stdin.read()))';
    expect((await sandbox.run(python(slowly, { stdin }), never)).stdout).toBe(`${stdin.length}\n`);
    expect(await sandbox.run(python('pass', { stdin }), never)).toMatchObject(exited());
  });

  it('shows of /usr what belongs to the system', async () => {
    const { stdout } = await sandbox.run(
      python('import os; print(*os.listdir("/usr"), *os.listdir("/usr/local"))'),
      never,
    );
    const expected = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'libexec', 'include', 'share', 'local'];
    expect(
      stdout
        .trim()
        .split(' ')
        .filter((name) => !expected.includes(name) && !/^(x86_64|aarch64)-/.test(name)),
    ).toEqual([]);
  });

  it.for([true, false])('ends what takes too much memory together, with memory groups: %s', async (memoryGroups) => {
    const held = await openSandbox({ languages: ['python'], memoryGroups });
    // On a busy machine the first is not to be over before the last has begun.
    const each = (mib: number, seconds: number) => `
import os, time
children = []
for _ in range(6):
    pid = os.fork()
    if pid == 0:
        block = bytearray(${mib} << 20)
        time.sleep(${seconds})
        os._exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
`;
    const limits = { memoryBytes: 256 << 20 };
    expect(await held.run(python(each(80, 20), { limits }), never)).toMatchObject({ ending: { how: 'memory-limit' } });
    // What one has and its children see is one.
    const common = `block = bytearray(150 << 20)\n${each(1, 1)}`;
    expect(await held.run(python(common, { limits }), never)).toMatchObject(exited());
  });

  it('cuts a flood on either stream and says so', async () => {
    for (const fd of [1, 2]) {
      const result = await sandbox.run(
        python(`import os\nwhile True: os.write(${fd}, b"x" * 4096)`, { limits: { outputBytes: 10_000 } }),
        never,
      );
      expect(result).toMatchObject({ ending: { how: 'output-limit' }, truncated: true });
      expect([result.stdout.length, result.stderr.length].sort((a, b) => a - b)).toEqual([0, 10_000]);
    }
  });

  it('keeps to its limits of memory, file size, processes and space', async () => {
    const program = `
import os, threading, time
def tried(name, action):
    try:
        action()
        print(name, "worked", flush=True)
    except (MemoryError, OSError, RuntimeError) as error:
        print(name, type(error).__name__, getattr(error, "errno", ""), flush=True)
def fill(path):
    block = b"x" * (1 << 20)
    for i in range(40):
        with open("%s/%d" % (path, i), "wb") as f:
            f.write(block)
tried("memory", lambda: bytearray(200 << 20))
tried("file", lambda: open("big", "wb", 0).write(b"x" * (3 << 20)) == 3 << 20 or open("big", "ab", 0).write(b"x"))
tried("space", lambda: fill("/dev/shm"))
tried("threads", lambda: [threading.Thread(target=time.sleep, args=(1,), daemon=True).start() for i in range(20)])
os._exit(0)
`;
    const limits = { addressSpaceBytes: 150 << 20, fileBytes: 2 << 20, processes: 8 };
    const result = await sandbox.run(python(program, { limits }), never);
    const limited = 'memory MemoryError \nfile OSError 27\nspace OSError 28\nthreads RuntimeError \n';
    expect([result.stdout, result.stderr]).toEqual([limited, '']);
  });

  it('refuses commands, variables and languages that make no sense', async () => {
    const bad = { toolchain: null, files: [] } as const;
    await expect(sandbox.run({ ...bad, argv: [] }, never)).rejects.toThrow('not a command');
    await expect(sandbox.run({ ...bad, argv: ['A=b'] }, never)).rejects.toThrow('not a command');
    await expect(sandbox.run({ ...bad, argv: ['-i'] }, never)).rejects.toThrow('not a command');
    await expect(sandbox.run({ ...bad, argv: ['true'], env: { 'a b': '' } }, never)).rejects.toThrow('not a variable');
    const path = { path: '../x', content: '' };
    await expect(sandbox.run({ ...bad, argv: ['true'], files: [path] }, never)).rejects.toMatchObject({
      code: 'sandbox/bad-path',
    });
    await expect(sandbox.run({ ...bad, toolchain: 'go', argv: ['go'] }, never)).rejects.toMatchObject({
      code: 'sandbox/no-toolchain',
    });
  });

  it('can be many at once, each on its own', async () => {
    const runs = Array.from({ length: 8 }, (_, index) =>
      sandbox.run(
        python(
          'import os, time; time.sleep(0.1); print(open("me").read(), os.listdir("."), len([p for p in os.listdir("/proc") if p.isdigit()]))',
          {
            files: [{ path: 'me', content: String(index) }],
            limits: { processes: 2 },
          },
        ),
        never,
      ),
    );
    const outputs = (await Promise.all(runs)).map(({ stdout }) => stdout);
    expect(outputs).toEqual(outputs.map((_, index) => `${index} ['me'] 2\n`));
  });

  it('ends at once when aborted, whenever that is, and leaves no process', async () => {
    const reason = new Error('enough');
    await expect(sandbox.run(python('pass'), AbortSignal.abort(reason))).rejects.toBe(reason);
    const marker = randomBytes(8).toString('hex');
    const program = `
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    os.fork()
time.sleep(60) # ${marker}
`;
    const runs = [0, 5, 15, 60, 200].map(async (milliseconds) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), milliseconds);
      await expect(sandbox.run(python(program), controller.signal)).rejects.toBe(reason);
    });
    await Promise.all(runs);
    expect(processesWith(marker)).toEqual([]);
  });

  it('leaves no process where bubblewrap was ended before it could ask that all else ends with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'secpi-test-'));
    try {
      // As on a machine that is too busy to get that far.
      const bubblewrap = join(folder, 'bwrap');
      const without = 'for arg; do shift; [ "$arg" = --die-with-parent ] || set -- "$@" "$arg"; done';
      writeFileSync(bubblewrap, `#!/bin/sh\n${without}\nexec bwrap "$@"\n`, { mode: 0o755 });
      const late = await openSandbox({ languages: ['python'], bubblewrap });
      const marker = randomBytes(8).toString('hex');
      const sleeping = python(`import time; time.sleep(60) # ${marker}`);
      const controller = new AbortController();
      const run = late.run(sleeping, controller.signal);
      await expect.poll(() => processesWith(marker).length, { timeout: 20_000 }).toBeGreaterThan(2);
      controller.abort(new Error('enough'));
      await expect(run).rejects.toThrow('enough');
      expect(processesWith(marker)).toEqual([]);
      const ended = await late.run({ ...sleeping, limits: { wallSeconds: 0.5 } }, never);
      expect(ended.ending).toEqual({ how: 'timed-out' });
      expect(processesWith(marker)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('dies with secpi, even when secpi is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'secpi-test-'));
    try {
      const marker = randomBytes(8).toString('hex');
      const source = JSON.stringify(join(import.meta.dirname, '../../../src/sandbox/open-sandbox.ts'));
      writeFileSync(
        join(folder, 'program.mts'),
        `import { openSandbox } from ${source};
         const sandbox = await openSandbox({ languages: ['python'] });
         console.log('running');
         await sandbox.run({ toolchain: 'python', files: [], argv: ['python3', '-c', 'import time; time.sleep(60) # ${marker}'] },
           new AbortController().signal);`,
      );
      const secpi = await startProcess({
        argv: [process.execPath, '--import', import.meta.resolve('tsx'), 'program.mts'],
        cwd: folder,
        env: { PATH: '/usr/bin:/bin' }, // without HOME, as some containers have it
      });
      // Both of bubblewrap's and the program. In the instant before that bubblewrap has not asked to be told of its parent's end yet.
      await expect.poll(() => processesWith(marker).length, { timeout: 20_000 }).toBeGreaterThan(2);
      process.kill(secpi.pid, 'SIGKILL'); // only the leader
      await secpi.exited;
      await expect.poll(() => processesWith(marker), { timeout: 5000 }).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('writes nothing to the host', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('secpi-run-'));
    await sandbox.run(python('open("x", "w"); open("/tmp/x", "w")'), never);
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('secpi-run-'));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });
});
