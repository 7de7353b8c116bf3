import { type Command, Option } from 'commander';
import { positiveNumber, sizeInBytes, textLike, wholeNumber } from '../option-values.js';
import { examples, type Lent } from './lent.js';
import { memberOption, setOption, several } from './recipe-options.js';

const systems = () => import('../commands/export-systems.js');

/** `secpi export SYSTEM RECIPE`: one command for each system, with the options that have a meaning for it. */
export function declareExport(program: Command, { finish, withGlobal }: Lent): void {
  const command = program.command('export').description('write a run as a job for a cluster that secpi does not drive');
  withJob(command.command('slurm'))
    .description('write a batch script for sbatch; of a matrix, an array of its members')
    .addOption(hours('time limit of one stretch, after which it is queued again'))
    .addOption(
      new Option('--at-once <n>', 'of a matrix, at most so many members at once').argParser(
        textLike(/^[1-9]\d{0,3}$/, 'It must be a whole number above 0.'),
      ),
    )
    .addOption(
      several(
        '--sbatch <option>',
        "the site's own options of sbatch",
        textLike(/^--[^\n\r]+$/, 'It must begin with --.'),
      ),
    )
    .addOption(several('--before <line>', 'a line of shell that comes first'))
    .addHelpText(
      'after',
      examples(
        'export slurm my.yaml -o job --hours 24 --gpu-kind h100',
        'export slurm my.yaml -o job --sbatch=--account=vision',
        'export slurm my.yaml -o job --before "module load nodejs"',
      ),
    )
    .action((recipe, options) =>
      finish(async (env) => (await systems()).exportSlurm(recipe, withGlobal(options), env)),
    );

  withImage(withJob(command.command('kubernetes')), 'name of a PersistentVolumeClaim: state, files, results')
    .description('write a Job and its ConfigMap for kubectl')
    .addOption(hours('the job is given up after this long, restarts included'))
    .option('--privileged', 'a privileged container, where there are no user namespaces')
    .addHelpText('after', examples('export kubernetes my.yaml -o job --volume secpi \\', IMAGE))
    .action((recipe, options) =>
      finish(async (env) => (await systems()).exportKubernetes(recipe, withGlobal(options), env)),
    );

  withImage(withJob(command.command('skypilot')), 'name of a SkyPilot volume: state and results')
    .description('write a managed job for sky')
    .option('--spot', 'a machine that may be taken away; the run goes on elsewhere')
    .addHelpText('after', examples('export skypilot my.yaml -o job --gpu-kind H100 --volume secpi \\', IMAGE))
    .action((recipe, options) =>
      finish(async (env) => (await systems()).exportSkypilot(recipe, withGlobal(options), env)),
    );

  command.addHelpText(
    'after',
    `
Examples:
  $ secpi export slurm my.yaml -o job
  $ secpi export slurm --help                      the options of one system`,
  );
}

const IMAGE = '    --image registry.example/secpi@sha256:1f…';

/** What every system takes. */
function withJob(command: Command): Command {
  const name = textLike(/^[A-Za-z_][A-Za-z0-9_]*$/, 'It must be the NAME of an environment variable.');
  const kind = textLike(/^[A-Za-z0-9][\w.-]*$/, 'It must be letters, digits, dots and dashes.');
  const program = textLike(/^[^\n\r]+$/, 'It must be a path, or a name on the search path.');
  return command
    .argument('<recipe>', 'path of a recipe')
    .addOption(setOption())
    .addOption(memberOption())
    .option('-o, --output <folder>', 'write it there, with the files the recipe reads')
    .option('--force', 'overwrite a job that is there')
    .addOption(
      new Option('--secpi <program>', 'what secpi is called there (default: secpi)')
        .default('secpi')
        .argParser(program),
    )
    .addOption(several('--secret <name>', 'a further environment variable that it reads', name))
    .addOption(new Option('--gpus <n>', 'GPUs (default: 1)').default(1).argParser(wholeNumber))
    .addOption(new Option('--gpu-kind <kind>', 'which, as the cluster calls it').argParser(kind))
    .addOption(new Option('--cpus <n>', 'CPUs').argParser(wholeNumber))
    .addOption(new Option('--memory <size>', 'memory, e.g. 64G').argParser(sizeInBytes));
}

/** What systems take that run images. */
function withImage(command: Command, volume: string): Command {
  const pinned = textLike(
    /^[a-z0-9][\w./:-]*@sha256:[0-9a-f]{64}$/,
    'It must be pinned by its digest: repository@sha256:… with 64 digits.',
  );
  const label = textLike(
    /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/,
    'It must be lower-case letters, digits, dots and dashes.',
  );
  return command
    .addOption(
      new Option('--image <image>', 'image with secpi in it, by digest').argParser(pinned).makeOptionMandatory(),
    )
    .addOption(new Option('--volume <name>', volume).argParser(label).makeOptionMandatory());
}

function hours(description: string): Option {
  return new Option('--hours <n>', description).argParser(positiveNumber);
}
