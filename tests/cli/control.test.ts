import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readRun } from '../../src/engine/runs/run-record.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import { cwdOf, processesNaming } from '../support/processes.js';
import { cliCommand, cliEnvironment, jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';
import { slowRun } from '../support/slow-run.js';
import { recordRun } from './fixtures/recorded-run.js';

/** A run up to the stage whose model answers when the test lets it. */
const args = ['run', 'r.yaml', '--until', 'filter'] as const;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let slow: Awaited<ReturnType<typeof slowRun>>;
beforeEach(async () => {
  folder = await temporaryFolder();
  slow = await slowRun(folder.path);
});
afterEach(async () => {
  slow.answer();
  // Whatever a test has begun in the background ends with it.
  for (const pid of processesNaming('--background')) if (cwdOf(pid) === folder.path) process.kill(pid, 'SIGKILL');
  await slow.server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const secpi = (...words: readonly string[]) => runCli(words, { cwd: folder.path });

/** Starts it and does not wait. */
function start(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const [program, ...first] = cliCommand();
  return execa(program, [...first, ...words], {
    cwd: folder.path,
    env: cliEnvironment(folder.path, env),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
  });
}

const runs = () => {
  try {
    return readdirSync(join(folder.path, '.secpi', 'runs')).sort();
  } catch {
    return [];
  }
};
const fileOf = (run: string, name: string) => readFile(join(folder.path, '.secpi', 'runs', run, name), 'utf8');
const statusOf = (run: string) => readRun(stateDirectory(join(folder.path, '.secpi')), run);
const eventsOf = async (run: string) => jsonLines(await fileOf(run, 'events.jsonl'));

/** Begins a run in the background and waits until it is at work: its id and its process. */
async function beginInBackground(...more: readonly string[]): Promise<{ readonly run: string; readonly pid: number }> {
  const { exitCode, stdout, stderr } = await secpi(...args, ...more, '--detach', '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const [begun, ...others] = jsonLines(stdout);
  expect(others).toEqual([]);
  await slow.isAsked;
  const run = String(begun?.run);
  return { run, pid: JSON.parse(await fileOf(run, 'owner.json')).owner.pid };
}

/** Waits until a process has said so much. */
async function hasSaid({ stdout }: { readonly stdout: NodeJS.ReadableStream }, text: string): Promise<void> {
  let heard = '';
  await new Promise<void>((resolve, reject) => {
    stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.includes(text)) resolve();
    });
    stdout.on('end', () => reject(new Error(`it ended before it said ${text}: ${heard}`)));
  });
}

describe('secpi run --detach', () => {
  it('returns at once, and the run goes on with neither terminal nor pipe of whoever began it', async () => {
    const { run, pid } = await beginInBackground();
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    // Leader of its own session, without a terminal.
    expect({ session: Number(fields[3]), terminal: fields[4] }).toEqual({ session: pid, terminal: '0' });
    const log = join(folder.path, '.secpi', 'runs', run, 'output.log');
    expect([0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))).toEqual(['/dev/null', log, log]);
    slow.answer();
    const { exitCode } = await secpi('attach', run);
    expect(exitCode).toBe(0);
    expect(await readFile(log, 'utf8')).toContain('"type":"run-finished"');
  });

  it('keeps nobody waiting who waits for the end of its output, also on a descriptor that a shell has left open', async () => {
    const command = [...cliCommand(), ...args, '--detach'].join(' ');
    const { stdout } = await execa('bash', ['-c', `{ ${command}; } 20>&1 | cat`], {
      cwd: folder.path,
      env: cliEnvironment(folder.path),
      extendEnv: false,
    });
    const [run = ''] = runs();
    expect(stdout).toContain(`secpi attach ${run}`);
    expect(stdout).toContain(`secpi cancel ${run}`);
    expect(await statusOf(run)).toMatchObject({ state: 'running' });
  });

  it.each([
    ['a bad recipe', ['--set', 'filter.min_confidence=2'], 'recipe/invalid'],
    ['a choice of stages that cannot be', ['--only', 'curate'], 'engine/upstream-missing'],
  ])('says in the foreground what is wrong with %s, and leaves nothing', async (_what, wrong, code) => {
    const { exitCode, stdout, stderr } = await secpi('run', 'r.yaml', ...wrong, '--detach');
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`code: ${code}`);
    const json = await secpi('run', 'r.yaml', ...wrong, '--detach', '--json');
    expect({ exitCode: json.exitCode, stderr: json.stderr }).toEqual({ exitCode: 2, stderr: '' });
    expect(jsonLines(json.stdout)).toMatchObject([{ type: 'error', code }]);
    expect(runs()).toEqual([]);
  });

  it('says so when its process dies before it has begun', async () => {
    const killer = join(folder.path, 'killer.mjs');
    await writeFile(killer, "if (process.argv.includes('--background')) process.kill(process.pid, 'SIGKILL');");
    const { exitCode, stderr } = await start([...args, '--detach'], { NODE_OPTIONS: `--import file://${killer}` });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error: the run ended before it had begun (SIGKILL)');
    expect(runs()).toEqual([]);
  });

  it('leaves no run when it is interrupted before there is one', async () => {
    const sleeper = join(folder.path, 'sleeper.mjs');
    await writeFile(
      sleeper,
      "if (process.argv.includes('--background')) setInterval(() => {}, 1000), await new Promise(() => {});",
    );
    const beginning = start([...args, '--detach'], { NODE_OPTIONS: `--import file://${sleeper}` });
    await expect.poll(runs, { timeout: 20_000 }).toHaveLength(1);
    const [run = ''] = runs();
    await expect.poll(() => processesNaming(run), { timeout: 20_000 }).toHaveLength(1);
    beginning.kill('SIGINT');
    expect((await beginning).exitCode).toBe(130);
    expect(processesNaming(run)).toEqual([]);
    expect(runs()).toEqual([]);
  });

  it('goes on when whoever began it is killed before he has heard of it', async () => {
    slow.answer();
    const beginning = start([...args, '--detach']);
    await expect
      .poll(() => processesNaming('--background').filter((pid) => cwdOf(pid) === folder.path), { timeout: 20_000 })
      .toHaveLength(1);
    beginning.kill('SIGKILL');
    await beginning;
    await expect.poll(() => statusOf(runs()[0] ?? ''), { timeout: 20_000 }).toMatchObject({ state: 'done' });
  });
});

describe('secpi attach', () => {
  it('shows all that a run says, from its first word on, and ends with its exit code; to two at once', async () => {
    const { run } = await beginInBackground();
    const both = [start(['attach', '--json']), start(['attach', run, '--json'])];
    await Promise.all(both.map((one) => hasSaid(one, '"stage-started","stage":"filter"')));
    slow.answer();
    for (const one of both) {
      const { exitCode, stdout } = await one;
      expect(exitCode).toBe(0);
      expect(jsonLines(stdout)).toEqual(await eventsOf(run));
    }
    // And of one that is over.
    const again = await secpi('attach', run, '--json');
    expect(jsonLines(again.stdout)).toEqual(await eventsOf(run));
  });

  it('has the exit code of a run that failed, and says how to go on', async () => {
    await writeFile(join(folder.path, 'rows.jsonl'), '{"prompt": 7}\n');
    await writeFile(
      join(folder.path, 'bad.yaml'),
      'extends: r.yaml\ncollect: { sources: [{ file: rows.jsonl, prompt: prompt }] }\n',
    );
    const { exitCode } = await secpi('run', 'bad.yaml', '--until', 'collect');
    expect(exitCode).toBe(1);
    const attached = await secpi('attach');
    expect(attached.exitCode).toBe(1);
    expect(attached.stderr).toContain('continue with: secpi run bad.yaml --until collect');
  });

  it('leaves the run going on Ctrl-C, and says so', async () => {
    const { run } = await beginInBackground();
    const attached = start(['attach', run]);
    await hasSaid(attached, 'filter   started');
    attached.kill('SIGINT');
    const { exitCode, stderr } = await attached;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('the run goes on');
    expect(await statusOf(run)).toMatchObject({ state: 'running' });
  });

  it('continues a run that was killed with what it was begun with, also from another folder, and finds that run again', async () => {
    const { run, pid } = await beginInBackground('--set', 'filter.min_confidence=0.6', '--force', 'collect');
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => statusOf(run), { timeout: 20_000 }).toMatchObject({ state: 'died' });
    slow.answer();
    await using elsewhere = await temporaryFolder();
    const attached = await runCli(['attach', run, '--json'], {
      cwd: elsewhere.path,
      env: { SECPI_HOME: join(folder.path, '.secpi') },
    });
    // What was forced and is done is not forced again.
    const command = 'secpi run r.yaml --set filter.min_confidence=0.6 --until filter';
    expect(attached.stderr).toBe(`run ${run} died; going on in the background with: ${command}`);
    expect(attached.exitCode).toBe(0);
    const events = jsonLines(attached.stdout);
    const next = String(events[0]?.run);
    expect(next).not.toBe(run);
    expect(events.at(-1)).toMatchObject({
      outcome: 'done',
      stages: [{ stage: 'collect', outcome: 'cached' }, { stage: 'filter', outcome: 'done' }, ...rest],
    });
    const again = await secpi('attach', run, '--json');
    expect(again.stderr).toBe(`run ${run} died; run ${next} has gone on with it`);
    expect(jsonLines(again.stdout)).toEqual(events);
    expect(runs()).toEqual([run, next]);
  });

  it('refuses to continue when the recipe has changed since', async () => {
    const { run, pid } = await beginInBackground();
    process.kill(pid, 'SIGKILL');
    await writeFile(join(folder.path, 'r.yaml'), `${await readFile(join(folder.path, 'r.yaml'), 'utf8')}\nseed: 99\n`);
    await expect.poll(() => statusOf(run), { timeout: 20_000 }).toMatchObject({ state: 'died' });
    const { exitCode, stderr } = await secpi('attach', run);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('r.yaml has changed since');
    expect(stderr).toContain('`secpi run r.yaml --until filter` runs it as it is now');
    expect(runs()).toEqual([run]);
  });
});

describe('secpi attach to a run that has said its last word', () => {
  const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const time = '2026-01-01T00:00:00.000Z';
  const stages = [{ stage: 'report', outcome: 'done', fingerprint: null, seconds: 1 }] as const;
  const last = { type: 'run-finished', run: id, outcome: 'done', seconds: 1, stages, metrics: {}, time } as const;

  it('names its report once that is there', async () => {
    // This process is its owner, and lives.
    const path = await recordRun(folder.path, id, [last]);
    const attached = start(['attach', id]);
    await hasSaid(attached, 'run done');
    await writeFile(join(path, 'report.html'), 'the page');
    expect((await attached).stdout).toContain(`report: .secpi/runs/${id}/report.html`);
  });

  it('names none that its process did not live to write', async () => {
    await recordRun(folder.path, id, [last], { dead: true });
    const { exitCode, stdout } = await secpi('attach', id);
    expect({ exitCode, names: stdout.includes('report:') }).toEqual({ exitCode: 0, names: false });
  });
});

/** The stages that the runs of this file leave out. */
const rest = ['trace', 'curate', 'base', 'train', 'evaluate', 'report', 'publish'].map((stage) => ({
  stage,
  outcome: 'skipped',
}));

describe('secpi cancel', () => {
  it('stops a run as Ctrl-C does, waits until it is over, and says how to go on', async () => {
    const running = start([...args]);
    await slow.isAsked;
    const [run = ''] = runs();
    const { exitCode, stdout, stderr } = await secpi('cancel');
    expect(exitCode).toBe(0);
    expect(stderr).toBe(`asking run ${run} to end; it saves what it has`);
    expect(stdout).toBe(`run ${run} was interrupted; what is finished stays finished`);
    // It is over: nothing is waited for here.
    expect(await fileOf(run, 'summary.json')).toContain('"outcome": "interrupted"');
    const ended = await running;
    expect(ended.exitCode).toBe(130);
    expect(ended.stdout).toContain('cancel: stopping where it can be resumed');
    expect((await eventsOf(run)).filter(({ type }) => type === 'interrupted')).toMatchObject([{ signal: 'cancel' }]);
    expect(jsonLines((await secpi('cancel', run, '--json')).stdout)).toMatchObject([
      { type: 'run', run, state: 'interrupted', jobs: [] },
    ]);
  });

  it('--now ends it at once', async () => {
    const { run, pid } = await beginInBackground();
    const { exitCode, stdout } = await secpi('cancel', run, '--now');
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `run ${run} was ended at once; what is finished stays finished`,
    });
    expect(processesNaming(run)).not.toContain(pid);
  });

  it('signals no process that has got the pid of a run since', async () => {
    const { run, pid } = await beginInBackground();
    process.kill(pid, 'SIGKILL');
    const stranger = execa('sleep', ['996'], { reject: false });
    const owner = JSON.parse(await fileOf(run, 'owner.json'));
    const planted = { ...owner, owner: { ...owner.owner, pid: stranger.pid } };
    await writeFile(join(folder.path, '.secpi', 'runs', run, 'owner.json'), JSON.stringify(planted));
    const { stdout } = await secpi('cancel', run, '--now');
    expect(stdout).toBe(`run ${run} was over already: died`);
    expect(processesNaming('sleep\u0000996')).toEqual([stranger.pid]);
    stranger.kill('SIGKILL');
    expect((await stranger).signal).toBe('SIGKILL');
  });
});

describe('secpi leave', () => {
  it('ends the run as detached, with a code of its own, and attach goes on with it', async () => {
    const running = start([...args]);
    await slow.isAsked;
    const [run = ''] = runs();
    const { exitCode, stdout } = await secpi('leave');
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`run ${run} has left\ngo on with: secpi attach ${run}`);
    const ended = await running;
    expect(ended.exitCode).toBe(75);
    expect(ended.stderr).toContain('left; what it has begun on other machines goes on there');
    expect(await statusOf(run)).toMatchObject({ state: 'detached' });
    expect((await secpi('status', run)).stdout).toContain('It has left');
    expect((await secpi('runs')).stdout).toContain('detached');
    expect((await eventsOf(run)).at(-1)).toMatchObject({ outcome: 'detached', exit_code: 75 });
    slow.answer();
    const attached = await secpi('attach');
    expect(attached.stderr).toContain(
      `run ${run} has left; going on in the background with: secpi run r.yaml --until filter`,
    );
    expect(attached.exitCode).toBe(0);
  });
});

describe('secpi logs -f', () => {
  it('ends with a run that is killed, and names the one that has gone on with it', async () => {
    const { run, pid } = await beginInBackground();
    const followed = start(['logs', '-f', run]);
    await hasSaid(followed, 'filter   started');
    process.kill(pid, 'SIGKILL');
    expect(await followed).toMatchObject({
      exitCode: 0,
      stderr: 'the run died here; the same `secpi run` continues it',
    });
    slow.answer();
    await secpi(...args);
    const [, next = ''] = runs();
    const { stderr } = await secpi('logs', '-f', run);
    expect(stderr).toBe(`the run died here; run ${next} has gone on with it: \`secpi logs -f ${next}\``);
  });
});

describe('secpi run in a batch job', () => {
  /** As a batch system starts it: no terminal, no stdin at all, and of the environment what it sets itself. */
  const batch = (words: readonly string[]) =>
    execa('sh', ['-c', 'exec "$@" <&- ', 'sh', ...cliCommand(), ...words], {
      // In a session of its own, which has no terminal.
      detached: true,
      cwd: folder.path,
      env: {
        PATH: process.env.PATH ?? '/usr/bin:/bin',
        SLURM_JOB_ID: '17',
        SLURM_JOB_NODELIST: 'node[1-2]',
        SLURM_NTASKS: '2',
        SLURM_PROCID: '0',
      },
      extendEnv: false,
      reject: false,
    });

  it('needs neither a terminal, nor stdin, nor HOME', async () => {
    slow.answer();
    const { exitCode, stdout, stderr } = await batch(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('filter   done');
    expect(await readdir(folder.path)).toEqual(['.secpi', 'r.yaml']);
  });

  it('stops and saves on USR2, which says that time is nearly up', async () => {
    const running = start([...args]);
    await slow.isAsked;
    running.kill('SIGUSR2');
    const { exitCode, stdout } = await running;
    expect(exitCode).toBe(143);
    expect(stdout).toContain('SIGUSR2: stopping where it can be resumed');
    expect(await statusOf(runs()[0] ?? '')).toMatchObject({ state: 'interrupted' });
  });
});

/** Runs a command on a terminal of its own, and presses Ctrl-C once it has said the word; prints how it ended, then all that it drew. */
const CTRL_C = `
import fcntl, os, pty, struct, sys, termios
word, argv = sys.argv[1].encode(), sys.argv[2:]
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 100, 0, 0))
    os.execvp(argv[0], argv)
drawn = b''
pressed = False
while True:
    try:
        got = os.read(master, 65536)
    except OSError:
        break
    if not got:
        break
    drawn += got
    if word in drawn and not pressed:
        os.write(master, b'\\x03')
        pressed = True
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
sys.stdout.flush()
sys.stdout.buffer.write(drawn)
`;

describe('secpi attach on a terminal', () => {
  it('draws the live list, and Ctrl-C ends that alone', async () => {
    const { run } = await beginInBackground();
    const { stdout } = await execa('python3', ['-c', CTRL_C, 'filter', ...cliCommand(), 'attach'], {
      cwd: folder.path,
      env: { ...cliEnvironment(folder.path), TERM: 'xterm' },
      extendEnv: false,
    });
    const [exitCode, ...drawn] = stdout.split('\n');
    expect(exitCode).toBe('130');
    expect(drawn.join('\n')).toContain(`the run goes on; \`secpi attach ${run}\` shows it again`);
    // The cursor was hidden while the list was drawn, and is there again.
    const [hidden, shown] = ['l', 'h'].map((letter) => drawn.join('\n').lastIndexOf(`\u001b[?25${letter}`));
    expect(hidden).not.toBe(-1);
    expect(shown).toBeGreaterThan(hidden ?? 0);
    expect(await statusOf(run)).toMatchObject({ state: 'running' });
  });
});

describe('a sweep in the background', () => {
  it('is shown whole, and ends whole when one of its runs is cancelled', async () => {
    const { run } = await beginInBackground('--set', 'matrix={"filter.min_confidence": [0.5, 0.6]}');
    const [shown] = jsonLines((await secpi('status', '--json')).stdout);
    const members = shown?.members as readonly { readonly run: string }[];
    expect(members.map((member) => member.run)).toHaveLength(2);
    expect(members[0]?.run).toBe(run);
    const cancelled = await secpi('cancel', String(members[1]?.run), '--json');
    expect(cancelled.exitCode).toBe(0);
    expect(jsonLines(cancelled.stdout).map(({ state }) => state)).toEqual(['interrupted', 'interrupted']);
    // One that is over cannot be left any more, and both say so.
    expect((await secpi('leave', run)).stdout.match(/was over already: interrupted/g)).toHaveLength(2);
  });
});

describe('secpi gc', () => {
  it('does not clear this state folder when it was told what to keep of a target', async () => {
    const refused = await secpi('gc', '--unused-days', '7', '--yes');
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('code: usage/no-target') });
  });
});
