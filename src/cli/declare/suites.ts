import { type Command, Option } from 'commander';
import { namedOrigin } from '../option-values.js';
import { examples, type Lent } from './lent.js';

const commands = () => import('../commands/suites.js');

/** `secpi suites`: the commands for benchmarks, and for those who write one. */
export function declareSuiteCommands(program: Command, { finish, withGlobal }: Lent): void {
  const command = program
    .command('suites')
    .description('list the suites that secpi knows, set one up, or check one of your own')
    .addHelpText('after', examples('suites list', 'suites setup cweval', 'suites check ./suite'));
  command
    .command('list')
    .description('the suites that a recipe can use by their names')
    .addHelpText('after', examples('suites list'))
    .action((options) => finish(async (env) => (await commands()).listSuites(withGlobal(options), env)));
  command
    .command('setup')
    .argument('<suite>', 'the name of a suite')
    .option('--source <source>', 'fetch it from here instead of its own place: an address or a path')
    .addOption(new Option('--from <kind=value>', 'only a part of it, as in a recipe').argParser(namedOrigin))
    .description('fetch a suite, make what judging it takes, and judge its reference solutions')
    .addHelpText(
      'after',
      examples(
        'suites setup cweval',
        'suites setup cweval --source /mirrors/CWEval.git',
        "suites setup baxbench --from 'baxbench={frameworks: [Python-Flask]}'",
      ),
    )
    .action((suite, options) =>
      finish(async (env) => (await commands()).setUpSuiteHere(suite, withGlobal(options), env)),
    );
  command
    .command('check')
    .argument('<suite>', 'a folder of problems, or the name of a suite')
    .description('judge its reference solutions here: the secure have to pass, all others to be caught')
    .addHelpText('after', examples('suites check ./suite', 'suites check mini', 'suites check ./suite --json'))
    .action((suite, options) => finish(async (env) => (await commands()).checkSuite(suite, withGlobal(options), env)));
}
