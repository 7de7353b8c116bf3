import { Command, CommanderError, Option } from 'commander';
import { declareExport } from './declare-export.js';
import type { CliEnvironment } from './environment.js';
import { collectValues, sizeInBytes, wholeNumber } from './option-values.js';
import type { WhenUnheard } from './unheard.js';
import { packageVersion } from './version.js';

/**
 * What every command gives back: the exit code. Commands, and all that they need, are imported when they are called, so that
 * `--help` starts at once. Of the process itself only this file knows.
 */
type Run = (environment: CliEnvironment) => Promise<number>;

/** As far as it can be told before the arguments are understood: what is wrong with them must be JSON too. */
const wantsJson = process.argv.includes('--json');

const program = new Command('secpi')
  .description(
    'Teach a reasoning model to write secure code without being asked: one recipe from data to a measured, published model.',
  )
  .version(packageVersion(), '-V, --version', 'print the version')
  .helpOption('-h, --help', 'show help')
  .option('--json', 'machine-readable output: one JSON object a line')
  .addOption(new Option('-q, --quiet', 'only the result, warnings and errors').conflicts('verbose'))
  .option('-v, --verbose', 'also what the stages log; plain lines instead of the live list')
  .showHelpAfterError('(`secpi --help` lists the commands, `secpi COMMAND --help` the options of one)')
  .showSuggestionAfterError()
  .configureHelp({ showGlobalOptions: true, optionDescription: ({ description }) => description })
  .configureOutput({
    writeErr: (text) => {
      if (!wantsJson) process.stderr.write(text);
    },
  })
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  $ secpi init my.yaml      write a commented recipe to start from
  $ secpi plan my.yaml      what would run and why, and what it would cost
  $ secpi run my.yaml       run it; the same command continues after a stop
  $ secpi run my.yaml --set train.epochs=2 --until train
  $ secpi run my.yaml --detach    in the background; secpi attach shows it
  $ secpi status            what the newest run is doing
  $ secpi report --open     its report

Exit codes: 0 done, 1 a stage failed, 2 bad usage or recipe, 3 a gate said no,
75 left (secpi leave), 130 and 143 interrupted by Ctrl-C or TERM.
State lies in .secpi of the current folder, or in $SECPI_HOME.`,
  );

const setOption = () =>
  new Option('--set <a.b=value>', 'override a field of the recipe; can be given several times')
    .argParser(collectValues)
    .default([]);

/** Options that choose a part of the flow. */
function withSelection(command: Command): Command {
  const several = (flags: string, description: string) =>
    new Option(flags, `${description}; can be given several times`).argParser(collectValues).default([]);
  return command
    .addOption(setOption())
    .addOption(several('--member <name>', "only this member of the recipe's matrix"))
    .option('--from <stage>', 'only this stage and what follows')
    .option('--until <stage>', 'only this stage and what it needs')
    .addOption(several('--only <stage>', 'only this stage'))
    .addOption(several('--force <stage>', 'run this stage again even if its result is there'));
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ secpi ${line}`).join('\n')}`;
}

withSelection(
  program.command('run').argument('<recipe>', 'path of a recipe').description('run a recipe, or continue it'),
)
  .option('--steal-locks', 'take over stages whose owner cannot be proven dead (another host)')
  .option('--keep-work', 'keep the working files of finished stages')
  .option('--detach', 'begin it in the background and return; `secpi attach` shows it')
  .addOption(new Option('--background <run>').hideHelp())
  .addHelpText(
    'after',
    examples(
      'run recipes/quickstart.yaml',
      'run my.yaml --set train.epochs=2 --set train.learning_rate=5e-5',
      'run my.yaml --set collect.sources.0.file=mine.jsonl',
      'run my.yaml --until curate              data only',
      'run my.yaml --force evaluate            measure again',
      'run my.yaml --json > events.jsonl       for a program',
      'run sweep.yaml                          all members of its matrix',
      'run sweep.yaml --member train.epochs=2,seed=1',
      'run my.yaml --detach                    in the background',
    ),
  )
  .action((recipe, options) =>
    finish(
      async (env) => (await import('./commands/run.js')).runCommand(recipe, withGlobal(options), env),
      'keep-going',
    ),
  );

withSelection(
  program.command('plan').argument('<recipe>', 'path of a recipe').description('say what a run would do, and why'),
)
  .addHelpText('after', examples('plan my.yaml', 'plan my.yaml --set filter.max_tasks=500', 'plan my.yaml --json'))
  .action((recipe, options) =>
    finish(async (env) => (await import('./commands/plan.js')).planCommand(recipe, withGlobal(options), env)),
  );

program
  .command('attach')
  .argument('[run]', 'id of a run; default: the newest')
  .description('show a run of another process, and continue one that died; Ctrl-C leaves it going')
  .addHelpText('after', examples('attach', 'attach 01JD0000000000000000000000 --json'))
  .action((run, options) =>
    finish(async (env) => (await import('./commands/attach.js')).attachCommand(run, withGlobal(options), env)),
  );

program
  .command('cancel')
  .argument('[run]', 'id of a run; default: the newest')
  .option('--now', 'as a second Ctrl-C: without saving anything more')
  .description('stop a run of another process, and its jobs on other machines; waits until it is over')
  .addHelpText('after', examples('cancel', 'cancel 01JD0000000000000000000000 --now'))
  .action((run, options) =>
    finish(async (env) => (await import('./commands/cancel.js')).cancelCommand(run, withGlobal(options), env)),
  );

program
  .command('leave')
  .argument('[run]', 'id of a run; default: the newest')
  .description('end the process of a run, but not its jobs on other machines')
  .addHelpText('after', examples('leave', 'leave 01JD0000000000000000000000'))
  .action((run, options) =>
    finish(async (env) => (await import('./commands/leave.js')).leaveCommand(run, withGlobal(options), env)),
  );

program
  .command('validate')
  .argument('<recipe>', 'path of a recipe')
  .addOption(setOption())
  .description('check a recipe and say everything that is wrong with it')
  .addHelpText(
    'after',
    examples(
      'validate my.yaml',
      'validate my.yaml --set seed=8',
      `validate my.yaml --set 'evaluate.gates.min_gain."mini.func_at_1"=0.1'`,
    ),
  )
  .action((recipe, options) =>
    finish(async (env) => (await import('./commands/validate.js')).validateCommand(recipe, withGlobal(options), env)),
  );

program
  .command('schema')
  .description('print the JSON Schema of recipes, for editors')
  .addHelpText('after', examples('schema > secpi.schema.json'))
  .action((options) =>
    finish(async (env) => (await import('./commands/schema.js')).schemaCommand(withGlobal(options), env)),
  );

program
  .command('status')
  .argument('[run]', 'id of a run; default: the newest')
  .option('--all', 'list all runs, as `secpi runs` does')
  .description('what a run has done and is doing')
  .addHelpText('after', examples('status', 'status --all', 'status 01JD0000000000000000000000 --json'))
  .action((run, options) =>
    finish(async (env) => (await import('./commands/status.js')).statusCommand(run, withGlobal(options), env)),
  );

program
  .command('runs')
  .description('list all runs: outcome, recipe, time, cost')
  .addHelpText('after', examples('runs', 'runs --json | jq -r .run'))
  .action((options) =>
    finish(async (env) => (await import('./commands/runs.js')).runsCommand(withGlobal(options), env)),
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
      if (options.target !== undefined) return (await import('./commands/gc-target.js')).gcTarget(all, env);
      return (await import('./commands/gc.js')).gcCommand(all, env);
    }),
  );

program
  .command('logs')
  .argument('[run]', 'id of a run; default: the newest')
  .option('-f, --follow', 'go on as the run does, until it is over')
  .option('--stage <stage>', 'only what this stage said')
  .description('what a run said')
  .addHelpText('after', examples('logs -f', 'logs --stage train', 'logs --json | jq .type'))
  .action((run, options) =>
    finish(async (env) => (await import('./commands/logs.js')).logsCommand(run, withGlobal(options), env)),
  );

withSelection(
  program
    .command('why')
    .argument('<stage>', 'a stage')
    .argument('<recipe>', 'path of a recipe')
    .description('why a stage would run again, or what it is cached by'),
)
  .addHelpText('after', examples('why train my.yaml', 'why evaluate my.yaml --set evaluate.sampling.temperature=0.6'))
  .action((stage, recipe, options) =>
    finish(async (env) => (await import('./commands/why.js')).whyCommand(stage, recipe, withGlobal(options), env)),
  );

program
  .command('report')
  .argument('[run]', 'id of a run; default: the newest')
  .option('--open', 'open it in the browser')
  .option('-o, --output <file>', 'copy it there')
  .description("where a run's report is")
  .addHelpText('after', examples('report', 'report --open', 'report -o results/report.html'))
  .action((run, options) =>
    finish(async (env) => (await import('./commands/report.js')).reportCommand(run, withGlobal(options), env)),
  );

program
  .command('init')
  .argument('[file]', 'where to write it', 'recipe.yaml')
  .option('--force', 'overwrite a file that is there')
  .description('write a commented recipe to start from')
  .addHelpText('after', examples('init', 'init recipes/mine.yaml'))
  .action((file, options) =>
    finish(async (env) => (await import('./commands/init.js')).initCommand(file, withGlobal(options), env)),
  );

declareExport(program.command('export').description('write a run as a job for a cluster that secpi does not drive'), {
  finish,
  withGlobal,
  examples,
});

program
  .command('doctor')
  .option('--recipe <recipe>', 'also check what this recipe needs')
  .option('--target <name>', "check this target of the recipe's `compute` instead")
  .description('check this machine: Python, packages, sandbox, GPU, disk, Hub token')
  .addHelpText(
    'after',
    examples('doctor', 'doctor --recipe my.yaml', 'doctor --recipe my.yaml --target gpu-box', 'doctor --quiet'),
  )
  .action((options) =>
    finish(async (env) => (await import('./commands/doctor.js')).doctorCommand(withGlobal(options), env)),
  );

program
  .command('setup')
  .option('--development', "also install what secpi's own tests need")
  .option('--print-python', 'only print the path of the Python interpreter')
  .description('install the Python environment and, where allowed, missing system packages')
  .addHelpText('after', examples('setup', 'setup --print-python'))
  .action((options) =>
    finish(async (env) => (await import('./commands/setup.js')).setupCommand(withGlobal(options), env)),
  );

/** A command's own options with those that all commands share. Commander has checked both. */
function withGlobal<Own extends object>(options: Own): Own {
  return { ...program.opts(), ...options };
}

/** The one place where errors become exit codes. */
async function finish(run: Run, whenUnheard: WhenUnheard = 'exit'): Promise<void> {
  const [{ readEnvironment }, { showFailure }, { handleUnheard, isLeftUnread }] = await Promise.all([
    import('./environment.js'),
    import('./failure.js'),
    import('./unheard.js'),
  ]);
  const streams = [process.stdout, process.stderr];
  handleUnheard(streams, whenUnheard);
  const environment = readEnvironment();
  const fail = (error: unknown): number => showFailure(error, environment, wantsJson);
  // A bug in some callback; what was finished is safe, and a stack trace helps nobody who did not write this.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => process.exit(fail(error)));
  }
  try {
    process.exitCode = await run(environment);
  } catch (error) {
    process.exitCode = fail(error);
  }
  if (whenUnheard === 'keep-going' && (await isLeftUnread(streams))) process.exit();
}

if (process.argv.length <= 2) {
  program.outputHelp({ error: true });
  process.exitCode = 2;
} else {
  try {
    await program.parseAsync();
  } catch (error) {
    // Commander has said what is wrong; it exits 1 for bad usage, we exit 2.
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    if (wantsJson && error.exitCode !== 0) process.stdout.write(`${JSON.stringify(usageError(error))}\n`);
  }
}

function usageError({ code, message }: CommanderError) {
  const name = code.replace(/^commander\./, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (name === 'help') return { type: 'error', code: 'usage/no-command', message: 'no command is given' };
  const [first = '', hint] = message.replace(/^error: /, '').split('\n');
  return {
    type: 'error',
    code: `usage/${name}`,
    message: first,
    ...(hint === undefined ? {} : { hint: hint.replace(/^\(|\)$/g, '') }),
  };
}
