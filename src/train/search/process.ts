import { nodeModule } from '../../runtime/node_modules.ts';
import type { Job, Measured } from './trial.ts';

/** What a trial that did not end well was ended by. */
export class TrialFailure extends Error {
  override name = 'TrialFailure';
  readonly isDivergence: boolean;

  constructor(message: string, isDivergence = false) {
    super(message);
    this.isDivergence = isDivergence;
  }
}

/** What a process answers. */
type Answer = { readonly measured: Measured } | { readonly failure: string; readonly name: string };

// Runs in the process of a trial, as text, so that it needs no file of its own next to the compiled or the bundled library. The
// thread sees when the searching process is gone, even where the trial computes without ever pausing, and then ends this one.
// Ctrl-C reaches all processes of a terminal; what happens to this one the searching process decides.
const program = `
const { Worker } = require('node:worker_threads');
const watch = 'setInterval(() => { if (process.ppid !== ' + process.ppid + ') process.kill(process.pid, "SIGKILL"); }, 300)';
new Worker(watch, { eval: true }).unref();
process.on('disconnect', () => process.exit(1));
process.on('SIGINT', () => {});
process.once('message', async ({ module, name, settings, context }) => {
  let answer;
  try {
    const trial = (await import(module))[name];
    if (typeof trial !== 'function') throw new TypeError(module + ' exports no function ' + name);
    answer = { measured: await trial(settings, { ...context, signal: new AbortController().signal }) };
  } catch (error) {
    const isError = error instanceof Error;
    answer = { failure: isError ? error.message : String(error), name: isError ? error.name : '' };
  }
  try {
    process.send(answer, () => process.exit(0));
  } catch (error) {
    process.send({ failure: 'what the trial gave cannot be sent: ' + error.message, name: '' }, () => process.exit(0));
  }
});
if (!process.connected) process.exit(1);
`;

/** Options of Node that make sense for a process that runs another program. */
function inheritedOptions(): string[] {
  const options: string[] = [];
  const { execArgv } = process;
  for (let i = 0; i < execArgv.length; i++) {
    const [name] = execArgv[i].split('=');
    if (['-e', '--eval', '-p', '--print', '-pe'].includes(name)) i++;
    else if (name !== '--input-type' && !name.startsWith('--inspect')) options.push(execArgv[i]);
  }
  return options;
}

/**
 * Runs a module's function for one trial in a process of its own.
 *
 * @param signal kills the process
 * @param timeout seconds after which it is killed; null for never
 * @param threads that its computations are to use, unless NABLA_THREADS says otherwise
 * @throws TrialFailure when the function threw, or the process ended without an answer
 */
export function runInProcess(
  module: string,
  name: string,
  job: Job,
  folder: string | null,
  signal: AbortSignal,
  timeout: number | null,
  threads: number,
): Promise<Measured> {
  const { spawn } = nodeModule('node:child_process', 'search');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...inheritedOptions(), '-e', program], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...process.env, NABLA_THREADS: process.env.NABLA_THREADS || String(threads) },
    });
    let answer: Answer | null = null;
    let errors = '';
    let isLate = false;
    const kill = (): void => void child.kill('SIGKILL');
    const timer =
      timeout === null
        ? undefined
        : setTimeout(() => {
            isLate = true;
            kill();
          }, timeout * 1000);
    signal.addEventListener('abort', kill);
    if (signal.aborted) kill();
    child.stderr?.on('data', (chunk) => {
      errors = (errors + chunk).slice(-4000);
    });
    child.on('message', (message) => {
      answer = message as Answer;
    });
    let problem: string | null = null;
    child.on('error', (error) => {
      problem = error.message;
      // A process that could not be started gives no other event.
      if (child.pid === undefined) end(null, null);
    });
    child.on('close', (code, by) => end(code, by));
    // What the trial has started may hold its output open long after it has ended.
    let draining: ReturnType<typeof setTimeout> | undefined;
    child.on('exit', (code, by) => {
      draining = setTimeout(() => end(code, by), 500);
    });
    const end = (code: number | null, by: string | null): void => {
      clearTimeout(timer);
      clearTimeout(draining);
      child.stderr?.destroy();
      signal.removeEventListener('abort', kill);
      if (answer !== null && 'measured' in answer) resolve(answer.measured);
      else if (answer !== null) reject(new TrialFailure(answer.failure, answer.name === 'DivergenceError'));
      else if (isLate) reject(new TrialFailure(`it took longer than ${timeout} s, and was ended`));
      else {
        const how =
          by !== null ? `was ended by ${by}` : code !== null ? `ended with code ${code}` : 'did not start';
        const last = errors.trim().split('\n').slice(-3).join(' / ');
        reject(
          new TrialFailure(
            `its process ${how}${problem === null ? '' : ` (${problem})`}${last === '' ? '' : `: ${last}`}`,
          ),
        );
      }
    };
    const { settings, ...context } = job;
    // A process that is gone already is told by `close`.
    child.send({ module, name, settings, context: { ...context, folder } }, () => {});
  });
}
