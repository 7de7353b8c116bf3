import type { JournalEvent, RunFinished } from '../../engine/runs/event.js';
import { clock, duration } from './format.js';
import { interruptedText } from './interrupted-text.js';
import { oneLine, printable } from './printable.js';
import { RunProgress } from './run-progress.js';
import { outcomeText, progressText } from './stage-text.js';
import { plainStyle, type Style } from './style.js';

export interface EventLinesOptions {
  /** Which log events are shown; warnings always are. */
  readonly logs: 'warnings' | 'info' | 'debug';
  readonly style?: Style;
}

/** Between two lines about the progress of one stage: short at first, longer the longer it takes. */
const PAUSE_MS = { shortest: 5_000, longest: 60_000, share: 1 / 12 } as const;
const TENTH = 0.1;

/**
 * Tells a run in lines: at most one for each event, none for most of the progress. Depends on the events alone (also for the
 * time that has passed), so a recorded run reads like a live one.
 */
export class EventLines {
  readonly progress = new RunProgress();
  readonly #options: EventLinesOptions;
  readonly #style: Style;
  readonly #shown = new Map<string, { at: number; share: number }>();
  #width = 8;

  constructor(options: EventLinesOptions) {
    this.#options = options;
    this.#style = options.style ?? plainStyle;
  }

  /** The lines that an event is worth, without line breaks at the end. */
  next(event: JournalEvent): readonly string[] {
    this.progress.apply(event);
    const text = this.#text(event);
    if (text === undefined) return [];
    const stage = 'stage' in event ? `${oneLine(event.stage).padEnd(this.#width)} ` : '';
    const [first = '', ...rest] = text.split('\n');
    const margin = ' '.repeat(9 + stage.length);
    return [`${this.#style('dim', clock(event.time))} ${stage}${first}`, ...rest.map((line) => `${margin}${line}`)];
  }

  #text(event: JournalEvent): string | undefined {
    const style = this.#style;
    switch (event.type) {
      case 'run-started':
        this.#width = Math.max(...event.stages.map((stage) => stage.length), 8);
        return `${oneLine([event.recipe, event.member?.name].filter(Boolean).join(' '))}: run ${oneLine(event.run)}, secpi ${oneLine(event.version)}`;
      case 'stage-started': {
        this.#shown.delete(event.stage);
        return `${event.resumed ? 'continues' : 'started'} (${oneLine(event.why, 200)})`;
      }
      case 'stage-waiting':
        return style('yellow', `waits: the same is being made by ${oneLine(event.owner)}`);
      case 'progress':
        return this.#isDue(event) ? progressText(this.progress.stage(event.stage)) : undefined;
      case 'metric':
        return undefined;
      case 'log':
        if (event.level === 'warn') return style('yellow', `warning: ${printable(event.message).trim()}`);
        return this.#isShown(event.level) ? printable(event.message).trim() : undefined;
      case 'stage-finished': {
        const text = outcomeText(this.progress.stage(event.stage));
        return event.outcome === 'failed' ? style('red', text) : event.outcome === 'done' ? text : style('dim', text);
      }
      case 'interrupted':
        return style('yellow', interruptedText(event.signal, 'a second one ends'));
      case 'run-finished': {
        const text = `run ${runOutcome(event.outcome)} after ${duration(event.seconds)}`;
        return event.outcome === 'done' ? text : style('red', text);
      }
    }
  }

  /** While a run is being stopped, all that a stage says is about what becomes of its work. */
  #isShown(level: 'info' | 'debug'): boolean {
    const { logs } = this.#options;
    if (level === 'debug') return logs === 'debug';
    return logs !== 'warnings' || this.progress.interruptedBy !== undefined;
  }

  #isDue({ stage, time, done, total }: Extract<JournalEvent, { type: 'progress' }>): boolean {
    const at = Date.parse(time);
    const share = total === undefined || total === 0 ? 0 : done / total;
    const since = this.progress.stage(stage).startedAt ?? at;
    const last = this.#shown.get(stage) ?? { at: since, share: 0 };
    const passed = at - last.at;
    const pause = Math.min(PAUSE_MS.longest, Math.max(PAUSE_MS.shortest, (at - since) * PAUSE_MS.share));
    const tenth = share - last.share >= TENTH && passed >= 1000;
    if (passed < pause && !tenth) return false;
    this.#shown.set(stage, { at, share });
    return true;
  }
}

/** How a run ended, in words. */
function runOutcome(outcome: RunFinished['outcome']): string {
  return outcome === 'gate' ? 'stopped by a gate' : outcome;
}
