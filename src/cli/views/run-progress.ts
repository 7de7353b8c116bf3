import type { ErrorReport, JournalEvent, RunFinished, StageOutcome } from '../../engine/runs/event.js';
import { Curve } from './curve.js';

/** How a stage stands: `pending` = its turn has not come; `waiting` = another run is making the same. */
export type StageState = 'pending' | 'waiting' | 'running' | StageOutcome;

/** What the events have said about one stage so far. */
export interface StageProgress {
  readonly stage: string;
  state: StageState;
  /** Why it runs, or why it was skipped. */
  why?: string;
  resumed?: boolean;
  /** Who makes the same at the moment; while `waiting`. */
  owner?: string;
  /** Milliseconds since the epoch. */
  startedAt?: number;
  /** Once it is over. */
  seconds?: number;
  work?: { readonly done: number; readonly total?: number; readonly unit: string; readonly note?: string };
  /** Units of work per second, over the last while. */
  rate?: number;
  readonly loss: Curve;
  counts?: Readonly<Record<string, number>>;
  reasons?: Readonly<Record<string, number>>;
  tokens?: { readonly input: number; readonly output: number };
  cost_usd?: number;
  error?: ErrorReport;
}

export interface Warning {
  readonly stage: string;
  readonly message: string;
}

const RATE_WINDOW_MS = 30_000;

/** A run as its events tell it. What a view shows is computed from this alone, so that all views agree. */
export class RunProgress {
  run = '';
  recipe = '';
  version = '';
  startedAt: number | undefined;
  /** Time of the newest event. */
  lastAt: number | undefined;
  interruptedBy: string | undefined;
  finished: RunFinished | undefined;
  readonly warnings: Warning[] = [];
  readonly #stages = new Map<string, StageProgress>();
  readonly #samples = new Map<string, { at: number; done: number; unit: string }[]>();

  get stages(): readonly StageProgress[] {
    return [...this.#stages.values()];
  }

  stage(name: string): StageProgress {
    const known = this.#stages.get(name);
    if (known !== undefined) return known;
    const fresh: StageProgress = { stage: name, state: 'pending', loss: new Curve() };
    this.#stages.set(name, fresh);
    return fresh;
  }

  apply(event: JournalEvent): void {
    const at = Date.parse(event.time);
    this.lastAt = at;
    switch (event.type) {
      case 'run-started':
        this.run = event.run;
        this.recipe = event.recipe;
        this.version = event.version;
        this.startedAt = at;
        for (const name of event.stages) this.stage(name);
        break;
      case 'stage-started':
        Object.assign(this.stage(event.stage), {
          state: 'running',
          why: event.why,
          resumed: event.resumed,
          startedAt: at,
        });
        break;
      case 'stage-waiting':
        Object.assign(this.stage(event.stage), { state: 'waiting', owner: event.owner });
        break;
      case 'progress': {
        const { done, total, unit, note } = event;
        const stage = this.stage(event.stage);
        stage.startedAt ??= at;
        if (event.tokens !== undefined) stage.tokens = event.tokens;
        if (event.cost_usd !== undefined) stage.cost_usd = event.cost_usd;
        stage.work = {
          done,
          unit,
          ...(total === undefined ? {} : { total }),
          ...(note === undefined ? {} : { note }),
        };
        this.#measure(stage, { at, done, unit });
        break;
      }
      case 'metric': {
        const { loss } = event.values;
        if (typeof loss === 'number') this.stage(event.stage).loss.add(loss);
        break;
      }
      case 'log':
        if (event.level === 'warn') this.warnings.push({ stage: event.stage, message: event.message });
        break;
      case 'stage-finished': {
        const { type: _type, time: _time, stage: name, outcome, fingerprint: _fingerprint, ...rest } = event;
        Object.assign(this.stage(name), rest, { state: outcome });
        break;
      }
      case 'interrupted':
        this.interruptedBy = event.signal;
        break;
      case 'run-finished':
        this.finished = event;
        break;
    }
  }

  /** The rate over the last half minute: work that an earlier run had done already arrives at once and must not count. */
  #measure(stage: StageProgress, sample: { at: number; done: number; unit: string }): void {
    const samples = this.#samples.get(stage.stage) ?? [];
    const last = samples.at(-1);
    if (last !== undefined && (sample.done < last.done || sample.unit !== last.unit)) {
      // Another piece of work of the same stage has begun.
      samples.length = 0;
      delete stage.rate;
    }
    samples.push(sample);
    while (samples.length > 2 && (samples[0]?.at ?? sample.at) < sample.at - RATE_WINDOW_MS) samples.shift();
    this.#samples.set(stage.stage, samples);
    const first = samples[0] ?? sample;
    const seconds = (sample.at - first.at) / 1000;
    if (seconds >= 1) stage.rate = (sample.done - first.done) / seconds;
  }
}

/** Seconds until a stage is done, while that can be told. */
export function secondsLeft({ work, rate }: StageProgress): number | undefined {
  if (work?.total === undefined || rate === undefined || rate <= 0 || work.done >= work.total) return undefined;
  return (work.total - work.done) / rate;
}
