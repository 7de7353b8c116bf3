import type { Command } from 'commander';
import { examples, type Lent } from './lent.js';

/** The commands for benchmarks. */
export function declareSuiteCommands(program: Command, { finish, withGlobal }: Lent): void {
  const suites = program.command('suites').description('benchmarks: set one up');
  suites
    .command('setup')
    .argument('<suite>', 'cweval')
    .option('--source <source>', 'clone it from here instead of its repository: an address or a path')
    .option('--check', 'only judge its known solutions again')
    .description('fetch a benchmark, install what its tests need, and judge its own solutions with it')
    .addHelpText('after', examples('suites setup cweval', 'suites setup cweval --source /mirrors/CWEval.git'))
    .action((suite: string, options) =>
      finish(async (env) =>
        (await import('../commands/set-up-suite.js')).setUpSuiteCommand(suite, withGlobal(options), env),
      ),
    );
}
