import type { Command } from 'commander';
import { examples, type Lent } from './lent.js';

const commands = () => import('../commands/cwe.js');

/** `secpi cwe`: what secpi knows about weaknesses, to be read by people. */
export function declareCweCommands(program: Command, { finish, withGlobal }: Lent): void {
  const command = program
    .command('cwe')
    .description('list the weaknesses that secpi knows, or show all about one')
    .addHelpText('after', examples('cwe list', 'cwe show CWE-89 --language go'));
  command
    .command('list')
    .option('--group <group>', 'only those of one group')
    .option('--language <language>', 'only those that can occur in a language')
    .option('--catalogue <folder>', 'of another catalogue')
    .description('the weaknesses of the catalogue')
    .addHelpText('after', examples('cwe list', 'cwe list --group injection', 'cwe list --language rust --json'))
    .action((options) => finish(async (env) => (await commands()).listWeaknesses(withGlobal(options), env)));
  command
    .command('show')
    .argument('<id>', 'such as CWE-89')
    .option('--language <language>', 'what prevents it in this language, and how that is seen in code')
    .option('--catalogue <folder>', 'of another catalogue')
    .description('all that the catalogue says about one weakness')
    .addHelpText('after', examples('cwe show CWE-89', 'cwe show CWE-89 --language go', 'cwe show 22 --json'))
    .action((id, options) => finish(async (env) => (await commands()).showWeakness(id, withGlobal(options), env)));
}
