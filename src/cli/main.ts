import { Command, CommanderError, Option } from 'commander';
import { declareCweCommands } from './declare/cwe.js';
import { declareDataCommands } from './declare/data.js';
import { declareExport } from './declare/export.js';
import { declareMachineCommands } from './declare/machine.js';
import { declareRecipeCommands } from './declare/recipes.js';
import { declareRunCommands } from './declare/runs.js';
import { declareSampleCommands } from './declare/samples.js';
import { declareStoreCommands } from './declare/store.js';
import { declareSuiteCommands } from './declare/suites.js';
import type { CliEnvironment } from './environment.js';
import { handleUnheard, isLeftUnread, type WhenUnheard } from './unheard.js';
import { packageVersion } from './version.js';

/**
 * What every command gives back: the exit code. Commands, and all that they need, are imported when they are called, so that
 * `--help` starts at once. Of the process itself only this file knows.
 */
type Run = (environment: CliEnvironment) => Promise<number>;

/** As far as it can be told before the arguments are understood: what is wrong with them must be JSON too. */
const wantsJson = process.argv.includes('--json');

const streams = [process.stdout, process.stderr];
// Help, and what is wrong with arguments, are told before there is a command that says otherwise.
handleUnheard(streams, 'exit');

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

const lent = { finish, withGlobal };
declareRecipeCommands(program, lent);
declareRunCommands(program, lent);
declareDataCommands(program, lent);
declareSuiteCommands(program, lent);
declareCweCommands(program, lent);
declareSampleCommands(program, lent);
declareStoreCommands(program, lent);
declareMachineCommands(program, lent);
declareExport(program, lent);

/** A command's own options with those that all commands share. Commander has checked both. */
function withGlobal<Own extends object>(options: Own): Own {
  return { ...program.opts(), ...options };
}

/** The one place where errors become exit codes. */
async function finish(run: Run, whenUnheard: WhenUnheard = 'exit'): Promise<void> {
  const [{ readEnvironment }, { showFailure }] = await Promise.all([
    import('./environment.js'),
    import('./failure.js'),
  ]);
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
