import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { runCli } from '../support/run-cli.js';

const cwd = packageRoot;

describe('help', () => {
  it('of the whole', async () => {
    const { exitCode, stdout } = await runCli(['--help'], { cwd });
    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "Usage: secpi [options] [command]

      Teach a reasoning model to write secure code without being asked: one recipe
      from data to a measured, published model.

      Options:
        -V, --version                   print the version
        --json                          machine-readable output: one JSON object a
                                        line
        -q, --quiet                     only the result, warnings and errors
        -v, --verbose                   also what the stages log; plain lines instead
                                        of the live list
        -h, --help                      show help

      Commands:
        run [options] <recipe>          run a recipe, or continue it
        plan [options] <recipe>         say what a run would do, and why
        why [options] <stage> <recipe>  why a stage would run again, or what it is
                                        cached by
        probe [options] <recipe>        what the recipe's classifier is worth, on
                                        labelled tasks
        validate [options] <recipe>     check a recipe and say everything that is
                                        wrong with it
        schema                          print the JSON Schema of recipes, for editors
        init [options] [file]           write a commented recipe to start from
        attach [run]                    show a run of another process, and continue
                                        one that died; Ctrl-C leaves it going
        cancel [options] [run]          stop a run of another process, and its jobs on
                                        other machines; waits until it is over
        leave [run]                     end the process of a run, but not its jobs on
                                        other machines
        status [options] [run]          what a run has done and is doing
        runs                            list all runs: outcome, recipe, time, cost
        logs [options] [run]            what a run said
        report [options] [run]          where a run's report is
        browse [options] <run> <stage>  look at the rows that a stage made, in a
                                        browser of this machine
        gc [options]                    show what the state folder holds and what
                                        nothing needs any more; with --yes remove that
        data                            look at datasets before anything is bought
        suites                          list the suites that secpi knows, set one up,
                                        or check one of your own
        cwe                             list the weaknesses that secpi knows, or show
                                        all about one
        score [options] <samples>       judge answers that are there already, without
                                        a model
        store                           check, pack, export and import the answers
                                        that models have given
        doctor [options]                check this machine: Python, packages, sandbox,
                                        GPU, disk, Hub token
        setup [options]                 install the Python environment and, where
                                        allowed, missing system packages
        export                          write a run as a job for a cluster that secpi
                                        does not drive
        help [command]                  display help for command

      Examples:
        $ secpi init my.yaml      write a commented recipe to start from
        $ secpi plan my.yaml      what would run and why, and what it would cost
        $ secpi run my.yaml       run it; the same command continues after a stop
        $ secpi run my.yaml --set train.epochs=2 --until train
        $ secpi run my.yaml --detach    in the background; secpi attach shows it
        $ secpi status            what the newest run is doing
        $ secpi report --open     its report

      Exit codes: 0 done, 1 a stage failed, 2 bad usage or recipe, 3 a gate said no,
      75 left (secpi leave), 130 and 143 interrupted by Ctrl-C or TERM.
      State lies in .secpi of the current folder, or in $SECPI_HOME."
    `);
  });

  it('is the answer to nothing, which is bad usage', async () => {
    const { exitCode, stdout, stderr } = await runCli([], { cwd });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain('Usage: secpi [options] [command]');
  });

  it.each([
    ...['run', 'plan', 'attach', 'cancel', 'leave', 'validate', 'schema', 'status', 'logs', 'why', 'report', 'init'],
    ...['probe', 'browse', 'suites', 'store', 'doctor', 'setup', 'export'],
  ])('of %s has an example and the options of all commands, and fits 80 columns', async (command) => {
    const { exitCode, stdout } = await runCli([command, '--help'], { cwd });
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Usage: secpi ${command}`);
    expect(stdout).toContain(`$ secpi ${command}`);
    expect(stdout).toContain('--json');
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('and the version need nothing but the argument parser, and to know whether anybody listens', async () => {
    expect(await staticImports(join(packageRoot, 'src', 'cli', 'main.ts'))).toEqual([
      'commander',
      'node:fs',
      'node:path',
      'node:timers/promises',
      'src/base/package-root.ts',
      'src/cli/declare/cwe.ts',
      'src/cli/declare/data.ts',
      'src/cli/declare/export.ts',
      'src/cli/declare/lent.ts',
      'src/cli/declare/machine.ts',
      'src/cli/declare/recipe-options.ts',
      'src/cli/declare/recipes.ts',
      'src/cli/declare/runs.ts',
      'src/cli/declare/samples.ts',
      'src/cli/declare/store.ts',
      'src/cli/declare/suites.ts',
      'src/cli/main.ts',
      'src/cli/option-values.ts',
      'src/cli/unheard.ts',
      'src/cli/version.ts',
    ]);
  });
});

/** Everything that is loaded before the first line of a module runs. */
async function staticImports(entry: string): Promise<readonly string[]> {
  const found = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    const name = path.slice(packageRoot.length + 1);
    if (found.has(name)) return;
    found.add(name);
    const source = await readFile(path, 'utf8');
    for (const [, target = ''] of source.matchAll(/^import (?!type )[^;]*?'([^']+)';$/gm)) {
      if (target.startsWith('.')) await visit(resolve(dirname(path), target.replace(/\.js$/, '.ts')));
      else found.add(target);
    }
  };
  await visit(entry);
  return [...found].sort();
}
