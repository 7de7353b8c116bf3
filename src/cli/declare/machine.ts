import type { Command } from 'commander';
import { examples, type Lent } from './lent.js';

/** The commands for what is done with a machine. */
export function declareMachineCommands(program: Command, { finish, withGlobal }: Lent): void {
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
      finish(async (env) => (await import('../commands/doctor.js')).doctorCommand(withGlobal(options), env)),
    );

  program
    .command('setup')
    .option('--axolotl', 'also install what `trainer: axolotl` needs')
    .option('--development', "also install what secpi's own tests need")
    .option('--print-python', 'only print the path of the Python interpreter; with --axolotl, of that one')
    .description('install the Python environment and, where allowed, missing system packages')
    .addHelpText('after', examples('setup', 'setup --print-python'))
    .action((options) =>
      finish(async (env) => (await import('../commands/setup.js')).setupCommand(withGlobal(options), env)),
    );
}
