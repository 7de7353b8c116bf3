import { type Command, Option } from 'commander';
import { wholeNumber } from '../option-values.js';
import { examples, type Lent } from './lent.js';
import { several } from './recipe-options.js';

/** `secpi data`: the commands for datasets. */
export function declareDataCommands(program: Command, { finish, withGlobal }: Lent): void {
  const command = program
    .command('data')
    .description('look at datasets before anything is bought')
    .addHelpText('after', examples('data peek tasks.jsonl.gz', 'data peek ise-uiuc/Magicoder-OSS-Instruct-75K'));
  command
    .command('peek')
    .argument('<source>', 'a file, or the owner/name of a dataset on the Hub')
    .addOption(new Option('-n, --rows <n>', 'show so many rows (default: 5)').default(5).argParser(wholeNumber))
    .option('--revision <revision>', 'branch, tag or commit on the Hub (default: main)')
    .option('--path-prefix <prefix>', 'only files on the Hub whose path begins with this')
    .addOption(several('--prompt <column>', 'column or path of the task (default: guessed)'))
    .option('--language <column>', 'column or path of the programming language')
    .option('--answer <column>', 'column or path of an answer, to tell the language by')
    .description('show rows of a dataset, the tasks that they make, and its part of a recipe')
    .addHelpText(
      'after',
      examples(
        'data peek tasks.jsonl.gz',
        'data peek ise-uiuc/Magicoder-OSS-Instruct-75K --rows 20',
        'data peek inclusionAI/Ling-Coder-SFT --path-prefix data/ --prompt messages --language languages',
        'data peek tasks.parquet --json | jq .',
      ),
    )
    .action((source, options) =>
      finish(async (env) => (await import('../commands/data-peek.js')).dataPeek(source, withGlobal(options), env)),
    );
}
