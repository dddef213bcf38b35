import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ContenderSpec, Workload } from './bench_suite.ts';

/** A contender as a process: requests go to its standard input, answers come from its standard output, one JSON object a line. */

/** The library is not there; the message says why. */
export class MissingContender extends Error {
  override name = 'MissingContender';
}

/** The library cannot do this workload, and says so. */
export class UnsupportedWorkload extends Error {
  override name = 'UnsupportedWorkload';
}

/** What a contender is asked. */
export type Request =
  | { readonly do: 'prepare'; readonly workload: Workload }
  | { readonly do: 'run'; readonly samples: number; readonly calls: number };

/** What it answers: how it is called, what it cannot do, what it has measured. */
interface Answer {
  readonly ready?: string;
  readonly missing?: string;
  readonly unsupported?: string;
  readonly error?: string;
  /** Milliseconds of the first call. */
  readonly first?: number;
  /** Number of parameters, or shape of the result: equal for all who run the same. */
  readonly size?: string;
  /** Milliseconds a call, of each sample. */
  readonly times?: readonly number[];
}

/** Where and how long. */
export interface ContenderOptions {
  /** Folder that commands are relative to. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of compiled code, for contenders with a cache. */
  readonly cache: string;
  /** Seconds after which a contender that does not answer is ended. */
  readonly patience: number;
}

const living = new Set<ChildProcess>();
let watching = false;

/** Processes that are stopped would outlive this one. */
function endWithThisProcess(child: ChildProcess): void {
  if (!watching) {
    watching = true;
    process.on('exit', () => {
      for (const other of living) other.kill('SIGKILL');
    });
  }
  living.add(child);
  child.once('close', () => living.delete(child));
}

const canPause = process.platform !== 'win32';

/** A process that runs workloads. Between its turns it is stopped, so that threads that still spin take nothing from the others. */
export class Contender {
  readonly spec: ContenderSpec;
  /** Name and version of the library. */
  about = '';
  readonly #child: ChildProcess;
  readonly #patience: number;
  readonly #lines: string[] = [];
  #wake: () => void = () => {};
  /** Why it has ended, null while it lives. */
  #end: string | null = null;
  #errors = '';

  /** Starts the process; `open` waits until it is ready. */
  private constructor(spec: ContenderSpec, { folder, env, cache, patience }: ContenderOptions) {
    this.spec = spec;
    this.#patience = patience;
    const [name, ...args] = spec.command;
    const program = { node: process.execPath, python: env.PYTHON ?? 'python3' }[name] ?? name;
    const cached = spec.cache === undefined ? {} : { [spec.cache]: cache };
    if (spec.cache !== undefined) mkdirSync(cache, { recursive: true });
    this.#child = spawn(program, args, {
      cwd: folder,
      env: { ...env, ...spec.environment, ...cached },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    endWithThisProcess(this.#child);
    const ended = (why: string) => {
      this.#end ??= why;
      this.#wake();
    };
    this.#child.once('error', (error) => ended(error.message));
    this.#child.once('close', (code, signal) => {
      const said = this.#errors.trim().split('\n').at(-1);
      ended(`ended with ${signal ?? `status ${code}`}${said ? `: ${said}` : ''}`);
    });
    // A process that has ended does not read; that it has ended is reported.
    this.#child.stdin?.on('error', () => {});
    this.#child.stderr?.on('data', (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-4096);
    });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      // Libraries greet their users on standard output.
      if (!line.startsWith('{')) return;
      this.#lines.push(line);
      this.#wake();
    });
  }

  /**
   * Starts a contender and waits until its library is loaded.
   *
   * @throws MissingContender if the program or the library is not there
   */
  static async open(spec: ContenderSpec, options: ContenderOptions): Promise<Contender> {
    const contender = new Contender(spec, options);
    try {
      const { ready, missing } = await contender.#answer();
      if (missing !== undefined) throw new MissingContender(missing);
      contender.about = ready ?? '';
      return contender;
    } catch (error) {
      await contender.end();
      throw error instanceof MissingContender ? error : new MissingContender((error as Error).message);
    }
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @throws UnsupportedWorkload, or Error if the contender fails, ends or does not answer in time
   */
  async ask(request: Request): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const answer = await this.#answer();
    if (answer.unsupported !== undefined) throw new UnsupportedWorkload(answer.unsupported);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  /** Stops the process where the system can. */
  pause(): void {
    if (canPause) this.#child.kill('SIGSTOP');
  }

  /** Lets it go on. */
  resume(): void {
    if (canPause) this.#child.kill('SIGCONT');
  }

  /** The largest resident size so far in bytes, or null where the system does not tell (other systems than Linux). */
  peak(): number | null {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      const kibibytes = status.match(/^VmHWM:\s+(\d+) kB$/m)?.[1];
      return kibibytes === undefined ? null : Number(kibibytes) * 1024;
    } catch {
      return null;
    }
  }

  /** Whether the process still answers. */
  get alive(): boolean {
    return this.#end === null;
  }

  /** Ends the process. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined)
      return;
    const closed = new Promise((done) => this.#child.once('close', done));
    this.#end ??= 'was ended';
    this.#child.kill('SIGKILL');
    await closed;
  }

  async #answer(): Promise<Answer> {
    const deadline = Date.now() + this.#patience * 1000;
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return JSON.parse(line);
      if (this.#end !== null) throw new Error(this.#end);
      const left = deadline - Date.now();
      if (left <= 0) {
        await this.end();
        throw new Error(`did not answer in ${this.#patience} s`);
      }
      await new Promise<void>((done) => {
        const timer = setTimeout(done, left);
        this.#wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  }
}
