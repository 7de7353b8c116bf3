import {
  type DefaultRenderer,
  ListrDefaultRendererLogLevels as Level,
  Listr,
  ListrLogger,
  ListrTaskState,
  type ListrTaskWrapper,
  ProcessOutput,
  type SimpleRenderer,
} from 'listr2';
import { duration } from './format.js';
import { interruptedText } from './interrupted-text.js';
import { oneLine } from './printable.js';
import type { ShowResult } from './result-text.js';
import { RunProgress, type StageProgress } from './run-progress.js';
import type { RunView } from './run-view.js';
import { outcomeText, progressBar } from './stage-text.js';
import type { Style } from './style.js';

export interface TerminalViewOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly style: Style;
  readonly showResult: ShowResult;
}

type Task = ListrTaskWrapper<void, typeof DefaultRenderer, typeof SimpleRenderer>;

/** Room that the list itself takes from a line: indentation, pointer, spaces. */
const MARGIN = 8;
const TICK_MS = 1000;
const WARNINGS_SHOWN = 10;

/** A live list on a terminal, one entry for each stage. listr2 only draws: events alone decide what it shows. */
export function terminalView({ stdout, stderr, style, showResult }: TerminalViewOptions): RunView {
  const progress = new RunProgress();
  let list: LiveList | undefined;
  return {
    onEvent(event) {
      progress.apply(event);
      if (event.type === 'run-started') list = new LiveList(progress, { stdout, stderr, style });
      else if ('stage' in event) list?.update(event.stage);
      else if (event.type === 'interrupted') list?.updateAll();
    },
    async finish(finished) {
      await list?.end();
      const shown = progress.warnings.slice(0, WARNINGS_SHOWN);
      for (const { stage, message } of shown) {
        stdout.write(`${style('yellow', 'warning:')} ${oneLine(stage)}: ${oneLine(message)}\n`);
      }
      const more = progress.warnings.length - shown.length;
      if (more > 0) stdout.write(style('yellow', `and ${more} more warnings: see \`secpi logs\`\n`));
      showResult(progress, finished);
    },
  };
}

class LiveList {
  readonly #progress: RunProgress;
  readonly #stdout: NodeJS.WriteStream;
  readonly #style: Style;
  readonly #output: ProcessOutput;
  readonly #tasks = new Map<string, Task>();
  readonly #settled = new Map<string, () => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #width: number;
  readonly #drawn: Promise<unknown>;

  constructor(
    progress: RunProgress,
    { stdout, stderr, style }: Pick<TerminalViewOptions, 'stdout' | 'stderr' | 'style'>,
  ) {
    this.#progress = progress;
    this.#stdout = stdout;
    this.#style = style;
    this.#width = Math.max(...progress.stages.map(({ stage }) => stage.length), 8);
    this.#output = new ProcessOutput(stdout, stderr);
    // While the list is drawn nothing else reaches the terminal, the cursor's return included: say it ourselves when the
    // process ends in the middle of it.
    process.once('exit', this.#release);
    this.#drawn = this.#draw();
    this.#timer = setInterval(() => this.updateAll(), TICK_MS);
    this.#timer.unref();
  }

  update(name: string): void {
    const stage = this.#progress.stage(name);
    const task = this.#tasks.get(name);
    if (isOver(stage)) {
      // Its entry gives itself the last title; one more change from here would draw the list again below its end.
      this.#tasks.delete(name);
      this.#settled.get(name)?.();
    } else if (task !== undefined) {
      this.#show(stage, task);
    }
  }

  updateAll(): void {
    for (const { stage } of this.#progress.stages) this.update(stage);
  }

  /** Draws the last state, which stays on the screen. Also ends entries that no event has ended. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    for (const settle of this.#settled.values()) settle();
    await this.#drawn;
    process.off('exit', this.#release);
  }

  readonly #release = (): void => {
    this.#output.release();
  };

  #draw(): Promise<unknown> {
    const { stages } = this.#progress;
    const style = this.#style;
    const colours = {
      [Level.SKIPPED_WITH_COLLAPSE]: 'dim',
      [Level.PENDING]: 'yellow',
      [Level.OUTPUT]: 'dim',
      [Level.COMPLETED]: 'green',
      [Level.FAILED]: 'red',
      [Level.WAITING]: 'dim',
    } as const;
    const painted = Object.fromEntries(
      Object.entries(colours).map(([level, colour]) => [level, (text?: string) => style(colour, text ?? '')]),
    );
    const list = new Listr<void, 'default', 'simple'>(
      stages.map(({ stage: name }) => {
        const over = new Promise<void>((settle) => this.#settled.set(name, settle));
        return {
          title: style('dim', name),
          task: async (_context, task) => {
            const stage = this.#progress.stage(name);
            if (!isOver(stage)) {
              this.#tasks.set(name, task);
              // listr2 begins all entries at once, because several may run side by side; ours begin when an event says so.
              task.task.state$ = ListrTaskState.WAITING;
              this.update(name);
              await over;
            }
            this.#tasks.delete(name);
            task.task.state$ = ListrTaskState.STARTED;
            const text = this.#title(stage);
            if (stage.state === 'failed' || stage.state === 'stopped') throw new Error(text);
            if (stage.state === 'done') task.title = text;
            else task.skip(text);
          },
        };
      }),
      {
        renderer: 'default',
        fallbackRenderer: 'simple',
        // The default handler of listr2 ends the process on Ctrl-C, past everything that is being saved.
        registerSignalListeners: false,
        concurrent: true,
        exitOnError: false,
        collectErrors: false,
        rendererOptions: {
          formatOutput: 'truncate',
          color: painted,
          logger: new ListrLogger({ processOutput: this.#output, useIcons: true, toStderr: [] }),
        },
      },
    );
    return list.run();
  }

  #show(stage: StageProgress, task: Task): void {
    if (stage.state !== 'pending' && task.task.state === ListrTaskState.WAITING)
      task.task.state$ = ListrTaskState.STARTED;
    task.title = this.#title(stage);
    if (stage.state !== 'running') return;
    const { interruptedBy } = this.#progress;
    const text =
      interruptedBy === undefined
        ? progressBar(stage, this.#stdout.columns - MARGIN)
        : interruptedText(interruptedBy, 'Ctrl-C again ends');
    if (text !== '') task.output = text;
  }

  #title(stage: StageProgress): string {
    const name = stage.stage.padEnd(this.#width);
    const dim = (text: string): string => `${name}  ${this.#style('dim', text)}`;
    switch (stage.state) {
      case 'pending':
        return this.#style('dim', stage.stage);
      case 'waiting':
        return `${name}  ${this.#style('yellow', `waits: the same is being made by ${oneLine(stage.owner ?? '')}`)}`;
      case 'running': {
        const since = stage.startedAt === undefined ? 0 : Math.max(0, Date.now() - stage.startedAt) / 1000;
        return dim(
          `${stage.resumed === true ? 'continues, ' : ''}${duration(Math.floor(since))}${this.#warned(stage.stage)}`,
        );
      }
      case 'done':
      case 'cached':
      case 'skipped':
        return dim(`${outcomeText(stage)}${this.#warned(stage.stage)}`);
      case 'stopped':
        return `${name}  ${this.#style('yellow', outcomeText(stage))}`;
      case 'failed':
        return `${name}  ${this.#style('red', outcomeText(stage))}`;
    }
  }

  #warned(stage: string): string {
    const count = this.#progress.warnings.filter((warning) => warning.stage === stage).length;
    return count === 0 ? '' : `, ${count} ${count === 1 ? 'warning' : 'warnings'}`;
  }
}

function isOver({ state }: StageProgress): boolean {
  return state !== 'pending' && state !== 'waiting' && state !== 'running';
}
