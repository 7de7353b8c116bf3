import { type Command, Option } from 'commander';
import { examples, type Lent } from './lent.js';
import { memberOption, setOption, withSelection } from './recipe-options.js';

/** The commands for what is done with a recipe. */
export function declareRecipeCommands(program: Command, { finish, withGlobal }: Lent): void {
  withSelection(
    program.command('run').argument('<recipe>', 'path of a recipe').description('run a recipe, or continue it'),
  )
    .option('--steal-locks', 'take over stages whose owner cannot be proven dead (another host)')
    .option('--keep-work', 'keep the working files of finished stages')
    .option('--detach', 'begin it in the background and return; `secpi attach` shows it')
    .addOption(new Option('--background <run>').hideHelp())
    .addHelpText(
      'after',
      examples(
        'run recipes/quickstart.yaml',
        'run my.yaml --set train.epochs=2 --set train.learning_rate=5e-5',
        'run my.yaml --set collect.sources.0.file=mine.jsonl',
        'run my.yaml --until curate              data only',
        'run my.yaml --force evaluate            measure again',
        'run my.yaml --json > events.jsonl       for a program',
        'run sweep.yaml                          all members of its matrix',
        'run sweep.yaml --member train.epochs=2,seed=1',
        'run my.yaml --detach                    in the background',
      ),
    )
    .action((recipe, options) =>
      finish(
        async (env) => (await import('../commands/run.js')).runCommand(recipe, withGlobal(options), env),
        'keep-going',
      ),
    );

  withSelection(
    program.command('plan').argument('<recipe>', 'path of a recipe').description('say what a run would do, and why'),
  )
    .option('--for <cards>', 'the training on other GPUs: h100-80,h200,4090')
    .addHelpText(
      'after',
      examples(
        'plan my.yaml',
        'plan my.yaml --set filter.max_tasks=500',
        'plan my.yaml --json',
        'plan my.yaml --for h100-80,h200,b200,a100-80,4090',
      ),
    )
    .action((recipe, { for: cards, ...options }) =>
      finish(async (env) =>
        cards === undefined
          ? (await import('../commands/plan.js')).planCommand(recipe, withGlobal(options), env)
          : (await import('../commands/plan-cards.js')).planCardsCommand(
              recipe,
              withGlobal({ ...options, for: cards }),
              env,
            ),
      ),
    );

  withSelection(
    program
      .command('why')
      .argument('<stage>', 'a stage')
      .argument('<recipe>', 'path of a recipe')
      .description('why a stage would run again, or what it is cached by'),
  )
    .addHelpText('after', examples('why train my.yaml', 'why evaluate my.yaml --set evaluate.sampling.temperature=0.6'))
    .action((stage, recipe, options) =>
      finish(async (env) => (await import('../commands/why.js')).whyCommand(stage, recipe, withGlobal(options), env)),
    );

  program
    .command('probe')
    .argument('<recipe>', 'path of a recipe')
    .addOption(setOption())
    .addOption(memberOption())
    .option('--estimate', 'say what asking would take, and ask nothing')
    .option('--mistakes', 'list the tasks that were kept or dropped wrongly')
    .option('--filters', 'leave the classifier out: only the filters of `curate`, its analysers and its judge')
    .description("what the recipe's classifier is worth, on labelled tasks")
    .addHelpText(
      'after',
      examples(
        'probe my.yaml --estimate',
        'probe my.yaml',
        'probe my.yaml --mistakes --set filter.min_confidence=0.7',
        'probe my.yaml --filters',
        'probe my.yaml --json | jq .held_out.relevant',
      ),
    )
    .action((recipe, options) =>
      finish(async (env) => (await import('../commands/probe.js')).probeCommand(recipe, withGlobal(options), env)),
    );

  program
    .command('validate')
    .argument('<recipe>', 'path of a recipe')
    .addOption(setOption())
    .description('check a recipe and say everything that is wrong with it')
    .addHelpText(
      'after',
      examples(
        'validate my.yaml',
        'validate my.yaml --set seed=8',
        `validate my.yaml --set 'evaluate.gates.min_gain."mini.func_at_1"=0.1'`,
      ),
    )
    .action((recipe, options) =>
      finish(async (env) =>
        (await import('../commands/validate.js')).validateCommand(recipe, withGlobal(options), env),
      ),
    );

  program
    .command('schema')
    .description('print the JSON Schema of recipes, for editors')
    .addHelpText('after', examples('schema > secpi.schema.json'))
    .action((options) =>
      finish(async (env) => (await import('../commands/schema.js')).schemaCommand(withGlobal(options), env)),
    );

  program
    .command('init')
    .argument('[file]', 'where to write it', 'recipe.yaml')
    .option('--force', 'overwrite a file that is there')
    .description('write a commented recipe to start from')
    .addHelpText('after', examples('init', 'init recipes/mine.yaml'))
    .action((file, options) =>
      finish(async (env) => (await import('../commands/init.js')).initCommand(file, withGlobal(options), env)),
    );
}
