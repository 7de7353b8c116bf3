import { type Command, Option } from 'commander';
import { collectValues } from '../option-values.js';

/** An option that can be given several times. `check` returns the value, or throws commander's error. */
export function several(flags: string, description: string, check = (value: string): string => value): Option {
  return new Option(flags, `${description}; can be given several times`)
    .argParser((value: string, earlier: readonly string[]) => collectValues(check(value), earlier))
    .default([]);
}

export function setOption(): Option {
  return several('--set <a.b=value>', 'override a field of the recipe');
}

export function memberOption(): Option {
  return several('--member <name>', "only this member of the recipe's matrix");
}

/** Options that choose a part of the flow. */
export function withSelection(command: Command): Command {
  return command
    .addOption(setOption())
    .addOption(memberOption())
    .option('--from <stage>', 'only this stage and what follows')
    .option('--until <stage>', 'only this stage and what it needs')
    .addOption(several('--only <stage>', 'only this stage'))
    .addOption(several('--force <stage>', 'run this stage again even if its result is there'));
}
