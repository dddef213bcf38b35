import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { Interrupted } from '../train/errors.ts';
import { type BenchFlags, benchCommand } from './bench.ts';
import { doctorCommand } from './doctor.ts';
import { UsageError } from './errors.ts';
import { evalCommand } from './eval.ts';
import { listCommand } from './list.ts';
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

/** The commands, writing to a terminal. */
function commands(terminal: Terminal): Command {
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
  program
    .command('train')
    .description('train a recipe and test it')
    .argument('<recipe>', 'one of nabla list')
    .option('--data <dir>', 'folder of data, such as one that has mnist/ in it')
    .option('--epochs <n>', 'passes over the training set', integerFrom(1))
    .option('--batch-size <n>', 'examples per step', integerFrom(1))
    .option('--lr <x>', 'learning rate', positiveNumber)
    .option('--seed <n>', 'of all randomness; same seed, same weights', integerFrom(0))
    .option(
      '--out <dir>',
      'folder for the files of the run (default: runs/<recipe>, or the next free number)',
    )
    .option('--resume', 'go on with a run that was interrupted: that of --out, else the newest of the recipe')
    .action((recipe: string, flags: TrainFlags) => trainCommand(recipe, flags, terminal));
  program
    .command('eval')
    .description('test the model of a run')
    .argument('<folder>', 'folder of the run, such as runs/lenet5')
    .option('--data <dir>', 'folder of data, if it is no longer where it was')
    .action((folder: string, flags: { data?: string }) => evalCommand(folder, flags, terminal));
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
  const program = commands(terminal);
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
