#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { type CliEnvironment, packageVersion, readEnvironment } from './environment.js';
import { showFailure } from './failure.js';

/** What every command returns: the exit code. Commands are imported when they are called, so that `--help` starts at once. */
type Outcome = Promise<number>;

const environment = readEnvironment();
const program = new Command('secpi')
  .description(
    'Teach a reasoning model to write secure code without being asked: one recipe from data to a measured, published model.',
  )
  .version(packageVersion(), '-V, --version', 'print the version')
  .helpOption('-h, --help', 'show help')
  .option('--json', 'machine-readable output: one JSON object a line')
  .addOption(new Option('-q, --quiet', 'only the result and warnings').conflicts('verbose'))
  .option('-v, --verbose', 'also what the stages log')
  .showHelpAfterError('(run `secpi --help` for the commands)')
  .showSuggestionAfterError()
  .configureHelp({ showGlobalOptions: true })
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  $ secpi init my-recipe.yaml              write a commented recipe to start from
  $ secpi plan my-recipe.yaml              what would run, what is cached and why not, what it would cost
  $ secpi run my-recipe.yaml               run it; the same command continues after an interruption
  $ secpi run my-recipe.yaml --set train.epochs=2 --until train
  $ secpi status                           what the newest run is doing
  $ secpi report --open                    its report

Exit codes: 0 done, 1 a stage failed, 2 bad usage or recipe, 3 a gate said no, 130/143 interrupted.`,
  );

/** Options that choose a part of the flow. */
function withSelection(command: Command): Command {
  return command
    .option('--set <a.b=value>', 'override a field of the recipe; can be given several times', collectValues, [])
    .option('--from <stage>', 'only this stage and what follows')
    .option('--until <stage>', 'only this stage and what it needs')
    .option('--only <stage>', 'only this stage; can be given several times', collectValues, [])
    .option(
      '--force <stage>',
      'run this stage again even if its result is there; can be given several times',
      collectValues,
      [],
    );
}

withSelection(
  program.command('run').argument('<recipe>', 'path of a recipe').description('run a recipe, or continue it'),
)
  .option('--steal-locks', 'take over stages whose owner cannot be proven dead (another host)')
  .option('--keep-work', 'keep the working files of finished stages')
  .action((recipe, options) =>
    finish(async (env) => (await import('./run.js')).runCommand(recipe, { ...program.opts(), ...options }, env)),
  );

withSelection(
  program.command('plan').argument('<recipe>', 'path of a recipe').description('say what a run would do, and why'),
).action((recipe, options) =>
  finish(async (env) => (await import('./plan.js')).planCommand(recipe, { ...program.opts(), ...options }, env)),
);

program
  .command('validate')
  .argument('<recipe>', 'path of a recipe')
  .option('--set <a.b=value>', 'override a field of the recipe', collectValues, [])
  .description('check a recipe and say everything that is wrong with it')
  .action((recipe, options) =>
    finish(async (env) =>
      (await import('./validate.js')).validateCommand(recipe, { ...program.opts(), ...options }, env),
    ),
  );

program
  .command('schema')
  .description('print the JSON Schema of recipes, for editors')
  .action(() => finish(async (env) => (await import('./schema.js')).schemaCommand(env)));

program
  .command('status')
  .argument('[run]', 'id of a run; default: the newest')
  .option('--all', 'list all runs')
  .description('what a run has done and is doing')
  .action((run, options) =>
    finish(async (env) => (await import('./status.js')).statusCommand(run, { ...program.opts(), ...options }, env)),
  );

program
  .command('logs')
  .argument('[run]', 'id of a run; default: the newest')
  .option('-f, --follow', 'go on as the run does')
  .option('--stage <stage>', 'only what this stage said')
  .description('what a run said')
  .action((run, options) =>
    finish(async (env) => (await import('./logs.js')).logsCommand(run, { ...program.opts(), ...options }, env)),
  );

withSelection(
  program
    .command('why')
    .argument('<stage>', 'a stage')
    .argument('<recipe>', 'path of a recipe')
    .description('why a stage would run again, or what it is cached by'),
).action((stage, recipe, options) =>
  finish(async (env) => (await import('./why.js')).whyCommand(stage, recipe, { ...program.opts(), ...options }, env)),
);

program
  .command('report')
  .argument('[run]', 'id of a run; default: the newest')
  .option('--open', 'open it in the browser')
  .option('-o, --output <file>', 'copy it there')
  .description("where a run's report is")
  .action((run, options) =>
    finish(async (env) => (await import('./report.js')).reportCommand(run, { ...program.opts(), ...options }, env)),
  );

program
  .command('init')
  .argument('[file]', 'where to write it', 'recipe.yaml')
  .option('--force', 'overwrite a file that is there')
  .description('write a commented recipe to start from')
  .action((file, options) =>
    finish(async (env) => (await import('./init.js')).initCommand(file, { ...program.opts(), ...options }, env)),
  );

program
  .command('doctor')
  .option('--recipe <recipe>', 'also check what this recipe needs')
  .description('check this machine: Python, packages, sandbox, GPU, disk, Hub token')
  .action((options) =>
    finish(async (env) => (await import('./doctor.js')).doctorCommand({ ...program.opts(), ...options }, env)),
  );

program
  .command('setup')
  .option('--development', "also install what secpi's own tests need")
  .option('--print-python', 'only print the path of the Python interpreter')
  .description('install the Python environment and, where allowed, missing system packages')
  .action((options) =>
    finish(async (env) => (await import('./setup.js')).setupCommand({ ...program.opts(), ...options }, env)),
  );

function collectValues(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

/** The one place where errors become exit codes. */
async function finish(command: (environment: CliEnvironment) => Outcome): Promise<void> {
  try {
    process.exitCode = await command(environment);
  } catch (error) {
    process.exitCode = showFailure(error, environment, program.opts().json === true);
  }
}

// `secpi logs | head` closes our output early; that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed its message already; it exits 1 for bad usage, we exit 2.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
