import { type Command, InvalidArgumentError, Option } from 'commander';
import { sizeInBytes, wholeNumber } from '../option-values.js';
import { examples, type Lent } from './lent.js';

/** The commands for what is done with runs that were begun. */
export function declareRunCommands(program: Command, { finish, withGlobal }: Lent): void {
  program
    .command('attach')
    .argument('[run]', 'id of a run; default: the newest')
    .description('show a run of another process, and continue one that died; Ctrl-C leaves it going')
    .addHelpText('after', examples('attach', 'attach 01JD0000000000000000000000 --json'))
    .action((run, options) =>
      finish(async (env) => (await import('../commands/attach.js')).attachCommand(run, withGlobal(options), env)),
    );

  program
    .command('cancel')
    .argument('[run]', 'id of a run; default: the newest')
    .option('--now', 'as a second Ctrl-C: without saving anything more')
    .description('stop a run of another process, and its jobs on other machines; waits until it is over')
    .addHelpText('after', examples('cancel', 'cancel 01JD0000000000000000000000 --now'))
    .action((run, options) =>
      finish(async (env) => (await import('../commands/cancel.js')).cancelCommand(run, withGlobal(options), env)),
    );

  program
    .command('leave')
    .argument('[run]', 'id of a run; default: the newest')
    .description('end the process of a run, but not its jobs on other machines')
    .addHelpText('after', examples('leave', 'leave 01JD0000000000000000000000'))
    .action((run, options) =>
      finish(async (env) => (await import('../commands/leave.js')).leaveCommand(run, withGlobal(options), env)),
    );

  program
    .command('status')
    .argument('[run]', 'id of a run; default: the newest')
    .option('--all', 'list all runs, as `secpi runs` does')
    .description('what a run has done and is doing')
    .addHelpText('after', examples('status', 'status --all', 'status 01JD0000000000000000000000 --json'))
    .action((run, options) =>
      finish(async (env) => (await import('../commands/status.js')).statusCommand(run, withGlobal(options), env)),
    );

  program
    .command('runs')
    .description('list all runs: outcome, recipe, time, cost')
    .addHelpText('after', examples('runs', 'runs --json | jq -r .run'))
    .action((options) =>
      finish(async (env) => (await import('../commands/runs.js')).runsCommand(withGlobal(options), env)),
    );

  program
    .command('logs')
    .argument('[run]', 'id of a run; default: the newest')
    .option('-f, --follow', 'go on as the run does, until it is over')
    .option('--stage <stage>', 'only what this stage said')
    .description('what a run said')
    .addHelpText('after', examples('logs -f', 'logs --stage train', 'logs --json | jq .type'))
    .action((run, options) =>
      finish(async (env) => (await import('../commands/logs.js')).logsCommand(run, withGlobal(options), env)),
    );

  program
    .command('report')
    .argument('[run]', 'id of a run; default: the newest')
    .option('--open', 'open it in the browser')
    .option('-o, --output <file>', 'copy it there')
    .description("where a run's report is")
    .addHelpText('after', examples('report', 'report --open', 'report -o results/report.html'))
    .action((run, options) =>
      finish(async (env) => (await import('../commands/report.js')).reportCommand(run, withGlobal(options), env)),
    );

  program
    .command('browse')
    .argument('<run>', 'id of a run, or "latest"')
    .argument('<stage>', 'collect, filter, trace, curate, evaluate')
    .addOption(new Option('--port <n>', 'listen there (default: any that is free)').default(0).argParser(portNumber))
    .description('look at the rows that a stage made, in a browser of this machine')
    .addHelpText('after', examples('browse latest filter', 'browse latest curate --port 8010'))
    .action((run, stage, options) =>
      finish(async (env) =>
        (await import('../commands/browse.js')).browseCommand(run, stage, withGlobal(options), env),
      ),
    );

  program
    .command('gc')
    .option('--yes', 'remove it; without this it is only shown')
    .addOption(
      new Option(
        '--keep-runs <n>',
        'keep the newest n runs that are over, and what they stand on (default: all)',
      ).argParser(wholeNumber),
    )
    .addOption(
      new Option('--max-size <size>', 'drop the oldest runs until the rest fits, e.g. 200G').argParser(sizeInBytes),
    )
    .option('--damaged', 'also what was set aside as damaged')
    .option('--answers', 'also the answers of models: they would be bought again')
    .addOption(
      new Option('--target <name>', "what lies on this target of the recipe's `compute` instead").conflicts([
        'keepRuns',
        'maxSize',
        'damaged',
        'answers',
      ]),
    )
    .option('--recipe <recipe>', 'the recipe that names the target')
    .addOption(
      new Option('--unused-days <n>', 'of a target: what nobody has used for n days (default: 30)').argParser(
        wholeNumber,
      ),
    )
    .description('show what the state folder holds and what nothing needs any more; with --yes remove that')
    .addHelpText(
      'after',
      examples(
        'gc',
        'gc --keep-runs 5 --yes',
        'gc --max-size 200G --yes',
        'gc --target gpu-box --recipe my.yaml --unused-days 7 --yes',
      ),
    )
    .action((options) =>
      finish(async (env) => {
        const all = withGlobal(options);
        if (options.target !== undefined || options.recipe !== undefined || options.unusedDays !== undefined)
          return (await import('../commands/gc-target.js')).gcTarget(all, env);
        return (await import('../commands/gc.js')).gcCommand(all, env);
      }),
    );
}

function portNumber(value: string): number {
  const port = wholeNumber(value);
  if (port > 65_535) throw new InvalidArgumentError('It must be from 0 to 65535.');
  return port;
}
