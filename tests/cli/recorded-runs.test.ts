import { appendFile, chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { sha256, sha256Json } from '../../src/base/hash.js';
import { makeManifest } from '../../src/engine/artifacts/manifest.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import { cliCommand, cliEnvironment, jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';
import { failedEvents, RUN, timed, wellEvents } from './fixtures/recorded-events.js';
import { recordRun } from './fixtures/recorded-run.js';

const OTHER = '01ARZ3NDEKTSV4RRFFQ69G5FAW';
const cutOff = wellEvents.filter((event) => Date.parse(event.time) <= Date.parse('2026-05-09T12:00:40.000Z'));

describe('secpi attach', () => {
  it('ends as `run` does, with where the report is if there is one', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, wellEvents);
    await writeFile(join(folder.path, '.secpi', 'runs', RUN, 'report.html'), '');
    const well = await runCli(['attach'], { cwd: folder.path });
    expect(well.stdout.split('\n').at(-1)).toBe(`report: .secpi/runs/${RUN}/report.html`);
    await recordRun(folder.path, OTHER, failedEvents);
    const failed = await runCli(['attach', OTHER], { cwd: folder.path });
    expect(failed.stdout).not.toContain('report.html');
  });
});

describe('secpi status', () => {
  it('tells a run that went well', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, wellEvents);
    const { exitCode, stdout } = await runCli(['status'], { cwd: folder.path });
    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "demo  done  run 01ARZ3NDEKTSV4RRFFQ69G5FAV, started 2026-05-09 12:00, 1 min 41 s
        collect   cached: 48 tasks, 2 dropped
        filter    done in 5.0 s: 24 kept, 24 rejected
        train     done in 1 min 32 s: 24 samples, 100 steps
        evaluate  cached: 30 answers, 1 unverified
        report    done in 0.9 s: 1 suite
      warning: filter: skipped tasks.jsonl:3 has no column "prompt""
    `);
  });

  it('tells a failure with its hint', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, failedEvents);
    const { stdout } = await runCli(['status', RUN.toLowerCase()], { cwd: folder.path });
    expect(stdout).toMatchInlineSnapshot(`
      "demo  failed  run 01ARZ3NDEKTSV4RRFFQ69G5FAV, started 2026-05-09 12:00, 30 s
        collect   cached: 48 tasks, 2 dropped
        filter    done in 5.0 s: 24 kept, 24 rejected
        train     failed after 25 s: the trainer ended without a result (137): Killed
        evaluate  skipped: "train" failed
        report    skipped: "train" failed
      warning: filter: skipped tasks.jsonl:3 has no column "prompt"
      error: the trainer ended without a result (137):
      Killed
      hint: The whole log: log.txt
      code: trainer/died"
    `);
  });

  it('sees that a run died', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, cutOff, { dead: true });
    const { stdout } = await runCli(['status'], { cwd: folder.path });
    expect(stdout).toMatchInlineSnapshot(`
      "demo  died  run 01ARZ3NDEKTSV4RRFFQ69G5FAV, started 2026-05-09 12:00, 36 s
        collect   cached: 48 tasks, 2 dropped
        filter    done in 5.0 s: 24 kept, 24 rejected
        train     cut off: 40/100 steps (40 %), loss 1.00
        evaluate  –
        report    –
      warning: filter: skipped tasks.jsonl:3 has no column "prompt"
      Its process is gone without a word (killed, or the machine went down). The same \`secpi run\` continues it."
    `);
    const { stdout: json } = await runCli(['status', '--json'], { cwd: folder.path });
    expect(jsonLines(json)).toMatchObject([
      {
        type: 'run',
        run: RUN,
        state: 'died',
        stages: [{}, {}, { stage: 'train', state: 'cut-off', loss: 1, progress: { done: 40, total: 100 } }, {}, {}],
      },
    ]);
  });

  it('sees that a run goes on, and lists all of them, newest first', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, failedEvents);
    await recordRun(folder.path, OTHER, cutOff);
    const one = await runCli(['status'], { cwd: folder.path });
    expect(one.stdout).toMatch(
      /^ {2}train {5}running for .*: 40\/100 steps \(40 %\), 1\.0\/s, 1 min left, loss 1\.00$/m,
    );
    expect(one.stdout).toContain('follow it with: secpi logs -f');
    const { stdout } = await runCli(['status', '--all', '--json'], { cwd: folder.path });
    expect(jsonLines(stdout)).toMatchObject([
      { run: OTHER, state: 'running' },
      { run: RUN, state: 'failed', error: { code: 'trainer/died' } },
    ]);
  });

  it('knows no other names than those of runs', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, wellEvents);
    const { exitCode, stderr } = await runCli(['status', 'nonsense\u001b[2J'], { cwd: folder.path });
    expect(exitCode).toBe(2);
    expect(stderr).toMatchInlineSnapshot(`
      "error: there is no run "nonsense"
      hint: The newest are: 01ARZ3NDEKTSV4RRFFQ69G5FAV. \`secpi runs\` lists all.
      code: cli/unknown-run"
    `);
  });
});

describe('what is not ours or is broken, in the folder of runs', () => {
  const TORN = '01BX5ZZKBKACTAV9WEVGEMMVRZ';
  const withStrays = async (folder: string): Promise<void> => {
    const runs = join(folder, '.secpi', 'runs');
    await recordRun(folder, RUN, [
      ...wellEvents.slice(0, 3),
      { type: 'from-a-newer-version', time: wellEvents[3]?.time ?? '' } as unknown as (typeof wellEvents)[number],
      ...wellEvents.slice(3),
    ]);
    await writeFile(join(runs, '.DS_Store'), 'x');
    await writeFile(join(runs, '01ARZ3NDEKTSV4RRFFQ69G5FAZ'), 'a file that is called like a run');
    await mkdir(join(runs, 'notes'), { recursive: true });
    // Called as no run can be: the time in it is later than all that the name of a run can tell.
    await recordRun(folder, '8ZZZZZZZZZZZZZZZZZZZZZZZZZ', wellEvents);
    const torn = await recordRun(folder, TORN, wellEvents);
    await writeFile(join(torn, 'summary.json'), '{"type":"run-fin');
  };

  it('does not keep the others from being listed', async () => {
    await using folder = await temporaryFolder();
    await withStrays(folder.path);
    for (const command of [['runs'], ['status', '--all']]) {
      const { exitCode, stdout, stderr } = await runCli(command, { cwd: folder.path });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toMatchInlineSnapshot(`
        "run                         started           outcome     recipe        time   cost
        01BX5ZZKBKACTAV9WEVGEMMVRZ  2026-05-09 12:00  unreadable  –                –      –
        01ARZ3NDEKTSV4RRFFQ69G5FAV  2026-05-09 12:00  done        demo    1 min 41 s  $0.01"
      `);
    }
    const { stdout } = await runCli(['runs', '--json'], { cwd: folder.path });
    expect(jsonLines(stdout)).toMatchObject([
      { run: TORN, state: 'unreadable', problem: expect.stringContaining('summary.json is unreadable') },
      { run: RUN, state: 'done', seconds: 101, cost_usd: 0.0123 },
    ]);
  });

  it('has cost what its answers did until it died', async () => {
    await using folder = await temporaryFolder();
    const asked = { type: 'progress', stage: 'train', done: 50, unit: 'answers' } as const;
    const used = { tokens: { input: 900, output: 100 }, cost_usd: 0.25 };
    await recordRun(folder.path, RUN, [...cutOff, ...timed([37, { ...asked, ...used }])], { dead: true });
    const { stdout } = await runCli(['runs', '--json'], { cwd: folder.path });
    expect(jsonLines(stdout)).toMatchObject([{ state: 'died', cost_usd: expect.closeTo(0.25 + 0.0123) }]);
  });

  it('is named where it is asked for, and the others are told as ever', async () => {
    await using folder = await temporaryFolder();
    await withStrays(folder.path);
    const torn = await runCli(['status', TORN], { cwd: folder.path });
    expect(torn.exitCode).toBe(0);
    expect(torn.stdout).toContain('summary.json is unreadable');
    expect(torn.stdout).toContain('its folder can be deleted');
    const well = await runCli(['status', RUN], { cwd: folder.path });
    expect(well.stdout).toContain('demo  done  run 01ARZ3NDEKTSV4RRFFQ69G5FAV');
    expect(well.stdout).toContain('  report    done in 0.9 s: 1 suite');
    const logs = await runCli(['logs', RUN], { cwd: folder.path });
    expect(logs).toMatchObject({ exitCode: 0, stderr: '' });
    expect(logs.stdout).toContain('report   done in 0.9 s: 1 suite');
    const json = await runCli(['logs', RUN, '--json'], { cwd: folder.path });
    expect(jsonLines(json.stdout)).toEqual(wellEvents);
  });
});

describe('secpi gc', () => {
  it('shows what would go, removes it when told to, and then has nothing to do', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, wellEvents);
    await recordRun(folder.path, OTHER, failedEvents);
    const orphan = await recordReportArtifact(folder.path, 'nobody needs this');
    const shown = await runCli(['gc'], { cwd: folder.path });
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout.replace(/\d+(\.\d+)? (KiB|B)/g, 'SIZE').replace(/ +/g, ' ')).toMatchInlineSnapshot(`
      " there size would go size
      runs 2 SIZE 0 SIZE
      artifacts 1 SIZE 1 SIZE
      objects 1 SIZE 1 SIZE

      SIZE would be freed. Nothing was removed: add --yes for that."
    `);
    expect(await readFile(orphan, 'utf8')).toBe('nobody needs this');
    const removed = await runCli(['gc', '--keep-runs', '1', '--yes', '--json'], { cwd: folder.path });
    expect(jsonLines(removed.stdout).at(-1)).toMatchObject({
      type: 'gc',
      removed: true,
      runs_kept: [OTHER],
      spared: 0,
    });
    await expect(readFile(orphan)).rejects.toMatchObject({ code: 'ENOENT' });
    const again = await runCli(['gc', '--yes'], { cwd: folder.path });
    expect(again.stdout).toContain('0 B freed');
  });

  it.each([
    ['--max-size', 'much'],
    ['--keep-runs', '-1'],
  ])('refuses %s %s', async (option, value) => {
    await using folder = await temporaryFolder();
    const { exitCode, stderr } = await runCli(['gc', option, value], { cwd: folder.path });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`'${value}' is invalid`);
  });
});

describe('secpi logs', () => {
  it('tells one stage, with what it logged', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, wellEvents);
    const { exitCode, stdout } = await runCli(['logs', '--stage', 'filter'], { cwd: folder.path });
    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "12:00:00 filter   started (params.min_confidence: 0.5 → 0.6; inputs.tasks: other content (0123456789ab → ba9876543210))
      12:00:02 filter   warning: skipped tasks.jsonl:3 has no column "prompt"
      12:00:02 filter   an opinion
                        of two lines
      12:00:04 filter   30/48 tasks (62 %), 6.7/s, 3 s left
      12:00:05 filter   48/48 tasks (100 %), 9.5/s
      12:00:05 filter   done in 5.0 s: 24 kept, 24 rejected"
    `);
    const debug = await runCli(['logs', '--stage', 'filter', '-v'], { cwd: folder.path });
    expect(debug.stdout).toContain('a detail');
  });

  it('gives the raw events to programs', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, failedEvents);
    const { stdout } = await runCli(['logs', '--json'], { cwd: folder.path });
    expect(jsonLines(stdout)).toEqual(failedEvents);
  });

  it('knows the stages of the run', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, failedEvents);
    const { exitCode, stderr } = await runCli(['logs', '--stage', 'trian'], { cwd: folder.path });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('Its stages are: collect, filter, train, evaluate, report');
  });

  it('says that a run died', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, cutOff, { dead: true });
    const { exitCode, stderr } = await runCli(['logs', '-f'], { cwd: folder.path });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: 'the run died here; the same `secpi run` continues it',
    });
  });

  it('follows the run of another process to its end', async () => {
    await using folder = await temporaryFolder();
    const run = await recordRun(folder.path, RUN, cutOff);
    const [program, ...first] = cliCommand();
    const child = execa(program, [...first, 'logs', '-f', '--json'], {
      cwd: folder.path,
      env: cliEnvironment(folder.path),
      extendEnv: false,
      buffer: false,
    });
    const rest = wellEvents.slice(cutOff.length);
    const seen: string[] = [];
    for await (const line of child.iterable()) {
      seen.push(line);
      if (seen.length === cutOff.length) {
        await appendFile(join(run, 'events.jsonl'), rest.map((event) => `${JSON.stringify(event)}\n`).join(''));
      }
    }
    expect((await child).exitCode).toBe(0);
    expect(seen.map((line) => JSON.parse(line))).toEqual(wellEvents);
  });

  it('ends quietly when its reader goes away', async () => {
    await using folder = await temporaryFolder();
    const progress = Array.from({ length: 20_000 }, (_, done) => [
      done * 100,
      { type: 'progress', stage: 'train', done, unit: 'steps' } as const,
    ]) as [number, Parameters<typeof timed>[0][1]][];
    await recordRun(folder.path, RUN, [...cutOff, ...timed(...progress)]);
    const command = `${cliCommand().join(' ')} logs | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await execa('bash', ['-c', command], {
      cwd: folder.path,
      env: cliEnvironment(folder.path),
      extendEnv: false,
    });
    expect(stdout.split('\n')).toEqual([expect.stringContaining('demo: run'), '0']);
    expect(stderr).toBe('');
  });
});

/** An artifact of the report stage, as the engine would leave it. */
async function recordReportArtifact(folder: string, text: string) {
  const preimage = { stage: 'report', made: 'for this test' };
  const fingerprint = sha256Json(preimage);
  const state = stateDirectory(join(folder, '.secpi'));
  const facts = {
    ...{ stage: 'report', fingerprint, preimage, inputs: {}, counts: {}, reasons: {}, metrics: {}, tools: {} },
    ...{ tokens: { input: 0, output: 0 }, cost_usd: 0, started_at: '2026-05-09T12:00:00.000Z', seconds: 1 },
    ...{ run: OTHER, secpi: '0.1.0' },
  };
  const manifest = makeManifest(facts, [{ path: 'report.html', sha256: sha256(text), bytes: text.length }]);
  await mkdir(state.artifacts('report'), { recursive: true });
  await writeFile(state.artifact('report', fingerprint), JSON.stringify(manifest));
  await mkdir(state.object(manifest.object), { recursive: true });
  await writeFile(join(state.object(manifest.object), 'report.html'), text);
  return join(state.object(manifest.object), 'report.html');
}

describe('secpi report', () => {
  it("gives the path of the run's own report, and copies it", async () => {
    await using folder = await temporaryFolder();
    const run = await recordRun(folder.path, RUN, wellEvents);
    await writeFile(join(run, 'report.html'), 'a report');
    const { exitCode, stdout } = await runCli(['report'], { cwd: folder.path });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `.secpi/runs/${RUN}/report.html` });
    const copied = await runCli(['report', '-o', 'results/', '--json'], { cwd: folder.path });
    const path = join(folder.path, 'results', 'report.html');
    expect(jsonLines(copied.stdout)).toEqual([{ type: 'report', path, run: RUN }]);
    expect(await readFile(path, 'utf8')).toBe('a report');
  });

  it('falls back to the newest page of the report stage, and says so', async () => {
    await using folder = await temporaryFolder();
    await recordRun(folder.path, RUN, failedEvents);
    const page = await recordReportArtifact(folder.path, 'an earlier report');
    const { stdout, stderr } = await runCli(['report'], { cwd: folder.path });
    expect(join(folder.path, stdout)).toBe(page);
    expect(stderr).toContain(`run ${RUN} made no report`);
    const named = await runCli(['report', RUN], { cwd: folder.path });
    expect(named.exitCode).toBe(1);
    expect(named.stderr).toContain('has no report (it is failed)');
  });

  it('opens it with the program of the desktop', async () => {
    await using folder = await temporaryFolder();
    const run = await recordRun(folder.path, RUN, wellEvents);
    await writeFile(join(run, 'report.html'), 'a report');
    const opener = process.platform === 'darwin' ? 'open' : 'xdg-open';
    const bin = join(folder.path, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, opener), '#!/bin/sh\necho "$1" > opened.tmp && mv opened.tmp opened\n');
    await chmod(join(bin, opener), 0o755);
    const { exitCode } = await runCli(['report', '--open'], {
      cwd: folder.path,
      env: { PATH: `${bin}:/usr/bin:/bin` },
    });
    expect(exitCode).toBe(0);
    await expect
      .poll(() => readFile(join(folder.path, 'opened'), 'utf8').catch(() => ''), { timeout: 10_000 })
      .toBe(`${join(run, 'report.html')}\n`);
  });

  it('says so when there is nothing to open it with', async () => {
    await using folder = await temporaryFolder();
    const run = await recordRun(folder.path, RUN, wellEvents);
    await writeFile(join(run, 'report.html'), 'a report');
    const { exitCode, stderr } = await runCli(['report', '--open'], { cwd: folder.path, env: { PATH: '/nowhere' } });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`Open ${join(run, 'report.html')} in a browser yourself.`);
  });
});
