import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { execa } from 'execa';
import { describe, expect, it, vi } from 'vitest';
import { handleUnheard, isLeftUnread } from '../../src/cli/unheard.js';
import { cliCommand, cliEnvironment, temporaryFolder } from '../support/run-cli.js';
import { replaceSleep } from '../support/sleep.js';
import { slowRun } from '../support/slow-run.js';

/** Holds a terminal open and does with it what the word says, once the run is at work: `hang-up`, `freeze`. */
const TERMINAL = `
import os, pty, signal, sys, time
how, ready, argv = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, master = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
while not os.path.exists(ready):
    if how == 'hang-up':
        os.read(master, 1)
    time.sleep(0.01)
if how == 'hang-up':
    os.close(master)  # as when the window is closed: SIGHUP to the run, EIO for what it writes
else:
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Runs a program whose stdout is a full pipe; reads it only when the program's work is done, then prints how it ended. */
const FULL_PIPE = `
import glob, os, subprocess, sys, time
reader, writer = os.pipe()
os.set_blocking(writer, False)
try:
    while True:
        os.write(writer, b'x' * 4096)
except BlockingIOError:
    pass
os.set_blocking(writer, True)
program = subprocess.Popen(sys.argv[1:], stdout=writer)
os.close(writer)
while not glob.glob('.secpi/runs/*/summary.json'):
    time.sleep(0.05)
while os.read(reader, 65536):
    pass
print(program.wait())
`;

/** How the newest run ended, once it has. */
async function outcomeIn(folder: string): Promise<unknown> {
  const runs = join(folder, '.secpi', 'runs');
  const [run = ''] = readdirSync(runs);
  return JSON.parse(await readFile(join(runs, run, 'summary.json'), 'utf8')).outcome;
}

const args = ['run', 'r.yaml', '--until', 'filter'] as const;

describe('what a frozen terminal does not take', () => {
  const line = 'x'.repeat(1023);

  /** A stream that takes what is written only when it is told to, and what it was given. */
  function frozen(isTTY: boolean) {
    const taken: string[] = [];
    let thaw: () => void = () => undefined;
    const mayTake = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        void mayTake.then(() => {
          taken.push(...chunk.toString().trimEnd().split('\n'));
          done();
        });
      },
    }) as NodeJS.WriteStream;
    stream.isTTY = isTTY;
    const before = process.listeners('SIGHUP');
    handleUnheard([stream], 'keep-going');
    // What is for the process must not outlive the test.
    for (const listener of process.listeners('SIGHUP')) {
      if (!before.includes(listener)) process.off('SIGHUP', listener);
    }
    return { stream, taken, thaw };
  }

  it('is dropped from 1 MiB on, so that a week in front of it costs no memory; what comes later is said again', async () => {
    const { stream, taken, thaw } = frozen(true);
    for (let number = 1; number <= 20_000; number += 1) stream.write(`${line}\n`);
    expect(stream.writableLength).toBe(1025 * 1024);
    expect(stream.write(`${line}\n`)).toBe(false);
    expect(taken).toEqual([]);
    thaw();
    await once(stream, 'drain');
    expect(taken).toEqual(Array.from({ length: 1025 }, () => line));
    stream.end('the last word\n');
    await once(stream, 'finish');
    expect(taken.at(-1)).toBe('the last word');
  });

  it('is kept for a program, which gets every line however late it reads', async () => {
    const { stream, taken, thaw } = frozen(false);
    for (let number = 1; number <= 5000; number += 1) stream.write(`${line}\n`);
    expect(stream.writableLength).toBe(5000 * 1024);
    thaw();
    stream.end();
    await once(stream, 'finish');
    expect(taken).toHaveLength(5000);
  });
});

describe('a run goes on', () => {
  it.each(['', '--verbose'])('when its terminal is closed (%s)', async (view) => {
    await using folder = await temporaryFolder();
    const { server, answer, isAsked } = await slowRun(folder.path);
    await using _server = server;
    const ready = join(folder.path, 'ready');
    const command = [...cliCommand(), ...args, ...(view === '' ? [] : [view])];
    const terminal = execa('python3', ['-c', TERMINAL, 'hang-up', ready, ...command], {
      cwd: folder.path,
      env: { ...cliEnvironment(folder.path), TERM: 'xterm' },
      extendEnv: false,
    });
    await isAsked;
    await writeFile(ready, '');
    await terminal;
    answer();
    await expect.poll(() => outcomeIn(folder.path).catch(() => 'none yet'), { timeout: 20_000 }).toBe('done');
  });

  it('when its terminal is frozen, and nothing that it prints is taken', async () => {
    await using folder = await temporaryFolder();
    const { server, answer, isAsked } = await slowRun(folder.path);
    await using _server = server;
    const ready = join(folder.path, 'ready');
    // Nobody reads, and others have filled what a terminal takes before it takes no more.
    const command = ['sh', '-c', 'yes & sleep 0.2; exec "$@"', 'sh', ...cliCommand(), ...args, '--json'];
    const terminal = execa('python3', ['-c', TERMINAL, 'freeze', ready, ...command], {
      cwd: folder.path,
      env: { ...cliEnvironment(folder.path), TERM: 'xterm' },
      extendEnv: false,
    });
    await isAsked;
    answer();
    await expect.poll(() => outcomeIn(folder.path).catch(() => 'none yet'), { timeout: 20_000 }).toBe('done');
    terminal.kill('SIGKILL');
    await terminal.catch(() => undefined);
  });

  it('when the disk under its log file is full', async () => {
    await using folder = await temporaryFolder();
    const { server, answer } = await slowRun(folder.path);
    await using _server = server;
    answer();
    const command = `${[...cliCommand(), ...args].join(' ')} > /dev/full 2>&1`;
    const { exitCode } = await execa('sh', ['-c', command], {
      cwd: folder.path,
      env: cliEnvironment(folder.path),
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
    });
    expect(exitCode).toBe(0);
    expect(await outcomeIn(folder.path)).toBe('done');
  });
});

describe('a command that nobody listens to from the start', () => {
  it.each([['--help'], ['why', '--help'], ['--version'], ['run', '--no-such-option'], []])(
    'is over without a trace: %s %s',
    async (...words) => {
      await using folder = await temporaryFolder();
      // The readers are gone before anything is said; of a trace Node writes a report.
      const secpi = `exec ${[...cliCommand(), ...words].join(' ')}`;
      const command = `{ (sleep 0.1; ${secpi}) 2>&1; echo $? >code; } | true; cat code`;
      const { stdout } = await execa('bash', ['-c', command], {
        cwd: folder.path,
        env: {
          ...cliEnvironment(folder.path),
          NODE_OPTIONS: `--report-uncaught-exception --report-directory=${folder.path}`,
        },
        extendEnv: false,
      });
      expect(['0', '2']).toContain(stdout);
      expect(readdirSync(folder.path).filter((name) => name.startsWith('report'))).toEqual([]);
    },
  );
});

describe('isLeftUnread', () => {
  it('waits as long as somebody reads, however slowly, and no longer', async () => {
    const stream = { writableLength: 5 };
    let now = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
    using _sleep = replaceSleep(() => async (milliseconds) => {
      now += milliseconds;
      // One word each time before patience ends, and none any more when two are left.
      if (now % 300 === 0 && stream.writableLength > 2) stream.writableLength -= 1;
    });
    expect(await isLeftUnread([stream, { writableLength: 0 }], 400)).toBe(true);
    expect({ now, left: stream.writableLength }).toEqual({ now: 1400, left: 2 });
    expect(await isLeftUnread([{ writableLength: 0 }], 400)).toBe(false);
    expect(now).toBe(1400);
    clock.mockRestore();
  });

  it('lets a run end whose output nobody takes', async () => {
    await using folder = await temporaryFolder();
    const { server, answer } = await slowRun(folder.path);
    await using _server = server;
    answer();
    // Somebody else has filled the pipe, holds it open and reads nothing until the run has written its summary.
    const full = execa('python3', ['-c', FULL_PIPE, ...cliCommand(), ...args, '--json'], {
      cwd: folder.path,
      env: cliEnvironment(folder.path),
      extendEnv: false,
    });
    expect((await full).stdout).toBe('0');
    expect(await outcomeIn(folder.path)).toBe('done');
  });
});
