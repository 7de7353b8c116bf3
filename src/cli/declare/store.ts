import type { Command } from 'commander';
import { examples, type Lent } from './lent.js';

const commands = () => import('../commands/store.js');
const MODEL = ['--model <name>', 'only the answers of this model'] as const;

/** `secpi store`: the commands for the answers that models have given. */
export function declareStoreCommands(program: Command, { finish, withGlobal }: Lent): void {
  const command = program
    .command('store')
    .description('check, pack, export and import the answers that models have given')
    .addHelpText(
      'after',
      examples('store check', 'store compact', 'store export teacher.jsonl.gz --model Qwen/QwQ-32B'),
    );
  command
    .command('check')
    .option(...MODEL)
    .description('read every answer, and say what is damaged; changes nothing')
    .addHelpText('after', examples('store check', 'store check --json'))
    .action((options) => finish(async (env) => (await commands()).checkStore(withGlobal(options), env)));
  command
    .command('compact')
    .option(...MODEL)
    .description('put one well packed file in the place of many, while no run is live')
    .addHelpText('after', examples('store compact'))
    .action((options) => finish(async (env) => (await commands()).compactStore(withGlobal(options), env)));
  command
    .command('export')
    .argument('<file>', 'a .jsonl or .jsonl.gz file, for `replay` or for `store import`')
    .option(...MODEL)
    .description('write the answers of a model as a recording')
    .addHelpText('after', examples('store export teacher.jsonl.gz --model Qwen/QwQ-32B'))
    .action((file, options) => finish(async (env) => (await commands()).exportStore(file, withGlobal(options), env)));
  command
    .command('import')
    .argument('<file>', 'a recording')
    .option('--model <name>', 'whose answers they are, where the file does not say it')
    .description('add the answers of a recording, so that they need not be bought')
    .addHelpText('after', examples('store import teacher.jsonl.gz'))
    .action((file, options) => finish(async (env) => (await commands()).importStore(file, withGlobal(options), env)));
}
