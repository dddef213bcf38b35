import { Command, CommanderError, InvalidArgumentError } from 'commander';
import {
  type AnyValues,
  isDemonstration,
  objection,
  type Recipe,
  readValue,
  recipes,
} from '../recipes/index.ts';
import { Interrupted } from '../train/errors.ts';
import { type BenchFlags, benchCommand } from './bench.ts';
import { doctorCommand } from './doctor.ts';
import { UsageError } from './errors.ts';
import { evalCommand } from './eval.ts';
import { intervalOf } from './interval.ts';
import { listCommand } from './list.ts';
import { optionOf } from './run_folder.ts';
import { type SearchFlags, searchCommand, searchMethods } from './search.ts';
import type { Terminal } from './terminal.ts';
import { type TrainFlags, trainCommand } from './train.ts';
import { version } from './version.ts';

/** Exit codes: all is well, something failed, the command line makes no sense, Ctrl-C. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

function integerFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`It must be an integer from ${least} on.`);
    return value;
  };
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function checkedInterval(text: string): string {
  try {
    intervalOf(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return text;
}

function searchMethod(text: string): string {
  if (!searchMethods.some((method) => method === text))
    throw new InvalidArgumentError(`It must be one of ${searchMethods.join(', ')}.`);
  return text;
}

/** Options of `nabla train` that have no value. */
const bareOptions = ['--resume', '--download', '--help', '-h'];

/** The recipe that a command line of `nabla train` names, if it does. */
function recipeIn(args: readonly string[]): Recipe | undefined {
  if (args[0] !== 'train') return undefined;
  for (let i = 1; i < args.length; i++) {
    if (!args[i].startsWith('-')) return recipes.find((recipe) => recipe.name === args[i]);
    if (!bareOptions.includes(args[i]) && !args[i].includes('=')) i++;
  }
  return undefined;
}

/** Adds the options that all trainings have, or those that a recipe understands. */
function addTrainOptions(command: Command, recipe: Recipe | undefined): void {
  const out = '--out <dir>';
  const where = 'folder for the files of the run (default: runs/<recipe>, or the next free number)';
  if (recipe !== undefined && isDemonstration(recipe)) command.option(out, where);
  else {
    if (recipe === undefined || recipe.files !== undefined)
      command.option(
        '--data <dir>',
        recipe === undefined
          ? 'folder of data, such as one that has mnist/ in it (default: generated data)'
          : `folder of data, with ${recipe.files} in it (default: generated data)`,
      );
    if (recipe === undefined || recipe.download !== undefined)
      command.option('--download', 'fetch what is missing of the data into --data (default: data/)');
    command
      .option('--epochs <n>', 'passes over the training set', integerFrom(1))
      .option('--batch-size <n>', 'examples per step', integerFrom(1))
      .option('--lr <x>', 'learning rate', positiveNumber)
      .option('--seed <n>', 'of all randomness; same seed, same weights', integerFrom(0))
      .option(out, where)
      .option(
        '--checkpoint-every <interval>',
        'such as 2 (epochs), 500steps or 10min; the best epoch is kept in any case (default: 1)',
        checkedInterval,
      )
      .option(
        '--resume',
        'go on with a run that was interrupted: that of --out, else the newest of the recipe',
      );
  }
  if (recipe?.settings !== undefined) {
    command.optionsGroup(`Settings of ${recipe.name}:`);
    for (const [name, setting] of Object.entries(recipe.settings)) {
      const value =
        setting.kind === 'choice'
          ? `<${setting.choices.join('|')}>`
          : setting.kind === 'integer'
            ? '<n>'
            : '<x>';
      command.option(
        `${optionOf(name)} ${value}`,
        `${setting.summary} (default: ${setting.default})`,
        (text) => {
          const chosen = readValue(setting, text);
          const problem = objection(setting, chosen);
          if (problem !== null) throw new InvalidArgumentError(`It ${problem}.`);
          return chosen;
        },
      );
    }
  }
  if (recipe === undefined) command.addHelpText('after', ownSettings);
}

/** The settings of single recipes, for the help of `nabla train`. */
function ownSettings(): string {
  const lines = recipes.flatMap(({ name, settings = {} }) => {
    const options = Object.keys(settings).map(optionOf);
    return options.length === 0 ? [] : [`  ${name}: ${options.join(', ')}`];
  });
  return lines.length === 0
    ? ''
    : `\nRecipes with settings of their own (nabla train <recipe> --help):\n${lines.join('\n')}`;
}

/** Splits what commander has read into common options and the recipe's own. */
function trainFlags(flags: Readonly<Record<string, unknown>>, recipe: Recipe | undefined): TrainFlags {
  const names = Object.keys(recipe?.settings ?? {});
  const pick = (isOwn: boolean) =>
    Object.fromEntries(Object.entries(flags).filter(([name]) => names.includes(name) === isOwn));
  const own = pick(true) as AnyValues;
  return Object.keys(own).length === 0 ? pick(false) : { ...pick(false), own };
}

/** The commands, writing to a terminal. `recipe` is the one that `train` is asked for. */
function commands(terminal: Terminal, recipe?: Recipe): Command {
  const program = new Command('nabla')
    .description('Deep learning for TypeScript: train and test the systems that come with it.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.stdout.write(text), writeErr: () => {} })
    .showSuggestionAfterError(false);
  program
    .command('list')
    .description('every recipe, one line each')
    .action(() => listCommand(terminal));
  const train = program
    .command('train')
    .description('train a recipe and test it')
    .argument('<recipe>', 'one of nabla list')
    .action((name: string, flags: Readonly<Record<string, unknown>>) =>
      trainCommand(name, trainFlags(flags, recipe), terminal),
    );
  addTrainOptions(train, recipe);
  program
    .command('eval')
    .description('test the model of a run')
    .argument('<folder>', 'folder of the run, such as runs/lenet5')
    .option('--data <dir>', 'folder of data, if it is no longer where it was')
    .action((folder: string, flags: { data?: string }) => evalCommand(folder, flags, terminal));
  program
    .command('search')
    .description('train a recipe with many settings, side by side, and compare them on held-out examples')
    .argument('<recipe>', 'one of nabla list')
    .argument('<settings...>', 'what to vary, such as lr=1e-4..1e-1 batch-size=32,64')
    .option(
      '--method <name>',
      `one of ${searchMethods.join(', ')}; halving and hyperband give more epochs to the better ones (default: random)`,
      searchMethod,
    )
    .option('--trials <n>', 'settings to try, of random and halving (default: 10)', integerFrom(1))
    .option('--epochs <n>', "the most that a trial is trained (default: the recipe's)", integerFrom(1))
    .option('--jobs <n>', 'trials at the same time (default: half the processors)', integerFrom(1))
    .option('--monitor <name>', 'what is to be good (default: validationLoss)')
    .option('--seed <n>', 'of settings and trials', integerFrom(0))
    .option('--timeout <s>', 'seconds after which a trial is ended', positiveNumber)
    .option('--data <dir>', 'folder of data (default: generated data)')
    .option(
      '--out <dir>',
      'folder of the search; one that has a part of it goes on (default: runs/search-<recipe>)',
    )
    .action((name: string, terms: readonly string[], flags: SearchFlags) =>
      searchCommand(name, terms, flags, terminal),
    );
  program
    .command('bench')
    .description('time nabla against the libraries that are installed, and write docs/performance.md')
    .option('--against <peers>', 'such as torch,jax-js, or none (default: all that are installed)')
    .option('--workloads <names>', 'workloads or groups of --list, such as lenet5,gemm (default: all)')
    .option('--rounds <n>', 'turns that each contender has (default: 5)', integerFrom(1))
    .option(
      '--out <file>',
      'where the tables go (default: docs/performance.md if all workloads are measured)',
    )
    .option('--json <file>', 'results as data; those that the file has of other workloads are kept')
    .option('--list', 'only show the workloads')
    .action((flags: BenchFlags) => benchCommand(flags, terminal));
  program
    .command('doctor')
    .description('what this machine offers, and whether it computes rightly')
    .option('--clear-cache', 'remove the compiled programs of the native tier')
    .action((flags: { clearCache?: boolean }) => doctorCommand(terminal, flags));
  return program;
}

/** Says what is possible where the command line names something that is not. */
function explain(error: CommanderError, program: Command, args: readonly string[]): string {
  const message = error.message.replace(/^error: /, '');
  const command = program.commands.find((candidate) => args.includes(candidate.name())) ?? program;
  const options = command.options.map((option) => option.long).filter((long) => long !== '--version');
  switch (error.code) {
    case 'commander.unknownCommand':
      return `${message}; commands are ${program.commands.map((c) => c.name()).join(', ')}`;
    case 'commander.unknownOption':
      return `${message}; ${options.length > 0 ? `options of ${command.name()} are ${options.join(', ')}` : `${command.name()} has none`}`;
    case 'commander.missingArgument':
      return command.name() === 'train' ? `${message}; nabla list shows the recipes` : message;
    default:
      return message;
  }
}

const oneLine = (text: string): string => text.trim().replace(/\s*\n\s*/g, ' ');

/**
 * Runs the command line.
 *
 * @param args without the program's name
 * @returns the exit code; what went wrong is on `stderr` in one line (with the stack, if NABLA_DEBUG is set)
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = commands(terminal, recipeIn(args));
  const fail = (message: string, error: unknown, code: number): number => {
    terminal.stderr.write(`nabla: ${oneLine(message)}\n`);
    if (terminal.env.NABLA_DEBUG && error instanceof Error) terminal.stderr.write(`${error.stack}\n`);
    return code;
  };
  if (args.length === 0) {
    program.outputHelp();
    return exitCodes.ok;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.ok;
      return fail(explain(error, program, args), error, exitCodes.usage);
    }
    if (error instanceof UsageError) return fail(error.message, error, exitCodes.usage);
    if (error instanceof Interrupted) return fail(error.message, error, exitCodes.interrupted);
    return fail(error instanceof Error ? error.message : String(error), error, exitCodes.failure);
  }
}
