import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { EventLines } from '../../../src/cli/views/event-lines.js';
import { plainView } from '../../../src/cli/views/plain-view.js';
import { failureText, spentText, stageTable, suiteTables } from '../../../src/cli/views/result-text.js';
import { RunProgress } from '../../../src/cli/views/run-progress.js';
import { plainStyle } from '../../../src/cli/views/style.js';
import type { JournalEvent } from '../../../src/engine/runs/event.js';
import { failedEvents, interruptedEvents, RUN, timed, wellEvents } from '../fixtures/recorded-events.js';

process.env.TZ = 'UTC';

function show(events: readonly JournalEvent[], options: { verbose?: boolean; quiet?: boolean } = {}): string {
  let text = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const { verbose = false, quiet = false } = options;
  const view = plainView({ stdout, style: plainStyle, verbose, quiet, showResult: () => {} });
  for (const event of events) view.onEvent(event);
  return text;
}

function result(events: readonly JournalEvent[], columns = 80): string {
  const progress = new RunProgress();
  for (const event of events) progress.apply(event);
  const { finished } = progress;
  if (finished === undefined) throw new Error('the recording has no end');
  const options = { style: plainStyle, columns };
  return [
    stageTable(progress.stages, options),
    ...suiteTables(finished.metrics, options),
    spentText(progress.stages),
    failureText(finished, { style: plainStyle, continueCommand: 'secpi run r.yaml' }),
  ].join('\n\n');
}

describe('plain lines', () => {
  it('tell a run that goes well', () => {
    expect(show(wellEvents)).toMatchInlineSnapshot(`
      "12:00:00 demo: run 01ARZ3NDEKTSV4RRFFQ69G5FAV, secpi 0.1.0
      12:00:00 collect  cached: 48 tasks, 2 dropped
      12:00:00 filter   started (params.min_confidence: 0.5 → 0.6; inputs.tasks: other content (0123456789ab → ba9876543210))
      12:00:02 filter   warning: skipped tasks.jsonl:3 has no column "prompt"
      12:00:04 filter   30/48 tasks (62 %), 6.7/s, 3 s left
      12:00:05 filter   48/48 tasks (100 %), 9.5/s
      12:00:05 filter   done in 5.0 s: 24 kept, 24 rejected
      12:00:05 train    continues (it has never run here)
      12:00:16 train    20/100 steps (20 %), 1.0/s, 1 min left, loss 2.00
      12:00:26 train    30/100 steps (30 %), 1.0/s, 1 min left, loss 1.33
      12:00:36 train    40/100 steps (40 %), 1.0/s, 1 min left, loss 1.00
      12:00:46 train    50/100 steps (50 %), 1.0/s, 50 s left, loss 0.800
      12:00:56 train    60/100 steps (60 %), 1.0/s, 40 s left, loss 0.667
      12:01:06 train    70/100 steps (70 %), 1.0/s, 30 s left, loss 0.571
      12:01:16 train    80/100 steps (80 %), 1.0/s, 20 s left, loss 0.500
      12:01:26 train    90/100 steps (90 %), 1.0/s, 10 s left, loss 0.444
      12:01:36 train    100/100 steps (100 %), 1.0/s, loss 0.400
      12:01:37 train    done in 1 min 32 s: 24 samples, 100 steps
      12:01:37 evaluate waits: the same is being made by process 42 on host since 2026-05-09T11:59:00.000Z
      12:01:40 evaluate cached: 30 answers, 1 unverified
      12:01:40 report   started (it has never run here)
      12:01:41 report   done in 0.9 s: 1 suite
      12:01:41 run done after 1 min 41 s
      "
    `);
  });

  it('tell where it failed, and what was not tried', () => {
    expect(show(failedEvents).split('\n').slice(-7).join('\n')).toMatchInlineSnapshot(`
      "12:00:16 train    20/100 steps (20 %), 1.0/s, 1 min left, loss 2.00
      12:00:26 train    30/100 steps (30 %), 1.0/s, 1 min left, loss 1.33
      12:00:30 train    failed after 25 s: the trainer ended without a result (137): Killed
      12:00:30 evaluate skipped: "train" failed
      12:00:30 report   skipped: "train" failed
      12:00:30 run failed after 30 s
      "
    `);
  });

  it('tell what becomes of the work that is being stopped, and nothing else that stages say', () => {
    const log = (message: string): JournalEvent => ({
      type: 'log',
      time: '2026-11-23T12:00:28.500Z',
      stage: 'train',
      level: 'info',
      message,
    });
    const stop = interruptedEvents.findIndex(({ type }) => type === 'interrupted') + 1;
    const events = [...interruptedEvents.slice(0, stop), log('saved at step 18'), ...interruptedEvents.slice(stop)];
    expect(show(events)).toMatch(/train +saved at step 18\n.*train +stopped/);
    expect(show([log('saved at step 18'), ...interruptedEvents])).not.toContain('saved');
  });

  it('tell an interruption', () => {
    expect(show(interruptedEvents).split('\n').slice(-6).join('\n')).toMatchInlineSnapshot(`
      "12:00:28 SIGINT: stopping where it can be resumed; a second one ends at once
      12:00:29 train    stopped after 24 s: the run was interrupted
      12:00:29 evaluate skipped: the run was interrupted
      12:00:29 report   skipped: the run was interrupted
      12:00:29 run interrupted after 29 s
      "
    `);
  });

  it('are only warnings when quiet', () => {
    expect(show(wellEvents, { quiet: true })).toBe('warning: filter: skipped tasks.jsonl:3 has no column "prompt"\n');
  });

  it('have what the stages log when verbose, without the smallest', () => {
    const text = show(wellEvents, { verbose: true });
    expect(text).toContain('an opinion\n                  of two lines\n');
    expect(text).not.toContain('a detail');
  });

  it('let nothing through that steers a terminal', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(show([...wellEvents, ...failedEvents], { verbose: true })).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });

  it('do not grow with the number of events', () => {
    const steps = Array.from({ length: 100_000 }, (_, done) => [
      done / 10,
      { type: 'progress', stage: 'train', done, total: 100_000, unit: 'steps' } as const,
    ]) as [number, Parameters<typeof timed>[0][1]][];
    const lines = new EventLines({ logs: 'debug' });
    const shown = timed(...steps).flatMap((event) => lines.next(event));
    // Almost three hours.
    expect(shown.length).toBeLessThan(300);
    expect(shown.length).toBeGreaterThan(100);
  });
});

describe('the result', () => {
  it('of a run that went well', () => {
    expect(result(wellEvents)).toMatchInlineSnapshot(`
      "stage     outcome        time  what
      collect   cached        0.1 s  48 tasks, 2 dropped
      filter    done          5.0 s  24 kept, 24 rejected
      train     done     1 min 32 s  24 samples, 100 steps
      evaluate  cached        3.0 s  30 answers, 1 unverified
      report    done          0.9 s  1 suite

      mini               base  tuned  change
      func@1            0.933  0.929  −0.005
      func-sec@1        0.133  0.857  +0.724
      SecRatio, pooled  0.143  0.923  +0.780
      samples              15     14
      problems             15     14
      mini: 1 answer of tuned could not be checked here (a toolchain or check did not run) and is left out of these figures

      answers used: 61k tokens in, 5.8k out; cost $0.01

      "
    `);
  });

  it('of a run that failed', () => {
    expect(result(failedEvents)).toMatchInlineSnapshot(`
      "stage     outcome   time  what
      collect   cached   0.1 s  48 tasks, 2 dropped
      filter    done     5.0 s  24 kept, 24 rejected
      train     failed    25 s  the trainer ended without a result (137): Killed
      evaluate  skipped         "train" failed
      report    skipped         "train" failed

      answers used: 61k tokens in, 5.8k out; cost $0.01

      error in train: the trainer ended without a result (137):
      Killed
      hint: The whole log: log.txt
      code: trainer/died
      continue with: secpi run r.yaml
      "
    `);
  });

  it('of a run that was interrupted, on a narrow terminal', () => {
    expect(result(interruptedEvents, 50)).toMatchInlineSnapshot(`
      "stage     outcome   time  what
      collect   cached   0.1 s  48 tasks, 2 dropped
      filter    done     5.0 s  24 kept, 24 rejected
      train     stopped   24 s  the run was interrupted
      evaluate  skipped         the run was interrupted
      report    skipped         the run was interrupted

      answers used: 61k tokens in, 5.8k out; cost $0.01

      interrupted; what is finished stays finished
      continue with: secpi run r.yaml
      "
    `);
  });

  it('shows figures that could not be measured as such, and other variants as they come', () => {
    const rates = { func_at_1: null, func_sec_at_1: null, sec_ratio: null, problems: 0, samples: 0, unverified: 15 };
    const finished = { type: 'run-finished', run: RUN, outcome: 'done', seconds: 1, stages: [] } as const;
    const metrics = { mini: { base: rates, 'base+cue': rates, tuned: rates }, other: { note: 'no suite' }, third: 3 };
    const [event] = timed([0, { ...finished, metrics }]);
    if (event?.type !== 'run-finished') throw new Error('not the end');
    expect(suiteTables(event.metrics, { style: plainStyle, columns: 80 }).join('\n')).toMatchInlineSnapshot(`
      "mini              base  base+cue  tuned  tuned − base
      func@1               –         –      –             –
      func-sec@1           –         –      –             –
      SecRatio, pooled     –         –      –             –
      samples              0         0      0
      problems             0         0      0
      mini: 15 answers of base could not be checked here (a toolchain or check did not run) and are left out of these figures
      mini: 15 answers of base+cue could not be checked here (a toolchain or check did not run) and are left out of these figures
      mini: 15 answers of tuned could not be checked here (a toolchain or check did not run) and are left out of these figures"
    `);
  });
});
