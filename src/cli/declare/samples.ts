import { type Command, InvalidArgumentError, Option } from 'commander';
import { namedOrigin, textLike, wholeNumber } from '../option-values.js';
import { examples, type Lent } from './lent.js';

/** The command for what is done with answers alone. */
export function declareSampleCommands(program: Command, { finish, withGlobal }: Lent): void {
  program
    .command('score')
    .argument('<samples>', 'a .jsonl file, or a folder of answers')
    .description('judge answers that are there already, without a model')
    .addOption(
      new Option('--suite <name>', 'the suite that they answer')
        .argParser(textLike(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/, 'It must be letters, digits, dots and dashes.'))
        .makeOptionMandatory(),
    )
    .addOption(new Option('--from <kind=value>', 'where that suite comes from, as in a recipe').argParser(namedOrigin))
    .option('-o, --out <folder>', 'write samples and scores there')
    .addOption(new Option('--at-once <n>', 'answers judged at once (default: 2)').default(2).argParser(several))
    .addHelpText(
      'after',
      examples(
        'score .secpi/…/samples/mini/tuned.jsonl --suite mini',
        'score evals/run --suite ours --from files=./suite -o scored',
      ),
    )
    .action((samples, options) =>
      finish(async (env) => (await import('../commands/score.js')).scoreCommand(samples, withGlobal(options), env)),
    );
}

function several(value: string): number {
  const count = wholeNumber(value);
  if (count < 1 || count > 256) throw new InvalidArgumentError('It must be from 1 to 256.');
  return count;
}
