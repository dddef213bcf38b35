/**
 * What a worker thread does: it waits for commands in shared memory and runs its part of the programs that they name.
 *
 * The thread that computes may be blocked for as long as it likes, so nothing here needs its event loop: commands are words in
 * the shared memory, modules arrive in a queue that is read when a command says so.
 */

/** Positions of a worker's control words in its line of the shared memory (`WorkerSetup.line`). */
export const controlWords = {
  /** Counts commands; a change is one. The words after it are the command. */
  command: 0,
  /** Number of the program to run; -1 ends the worker. */
  program: 1,
  /** Address of the argument table. */
  table: 2,
  /** How many threads run it. */
  threads: 3,
  /** The kernel to run, or -1 for all of them. */
  kernel: 4,
  /** Counts the messages that wait in the queue. */
  mail: 5,
  /** The last command that has ended. */
  done: 6,
  /** 0 until the worker is ready for commands; then its sign of life (`workerMain`). */
  alive: 7,
  /** How many characters of a text about what has gone wrong follow, four to a word: here they can be read without an event loop. */
  failureLength: 8,
  failureText: 9,
} as const;

/** The text of a failure has at most this many characters. */
export const failureCharacters = 156;

/** Bytes of a worker's control words: whole cache lines. */
export const lineBytes = 192;

/** What a worker has to know, as data that can be sent to it. */
export interface WorkerSetup {
  readonly memory: WebAssembly.Memory;
  /** The worker's number, from 1. */
  readonly thread: number;
  /** Index of its control words in the memory as 32-bit words. */
  readonly line: number;
  readonly words: typeof controlWords;
  readonly failureCharacters: number;
  /** Index of the word that is not 0 once a thread has failed, and of the one at which threads wait for each other. */
  readonly failed: number;
  readonly meetings: number;
  /** How long to look for the next command before sleeping, in milliseconds. */
  readonly spin: number;
  /** How long to sleep at a barrier before looking whether another thread has failed, in milliseconds. */
  readonly patience: number;
}

/** A program to keep under a number, or null to forget it. */
export interface ProgramMessage {
  readonly program: number;
  readonly module: WebAssembly.Module | null;
}

/**
 * The worker's main function. It refers to nothing outside of itself, as its text is what is sent to the new thread: so it starts from
 * TypeScript sources, from built files and from a bundle alike. It sleeps between commands; it yields where it needs a message that its
 * event loop has yet to bring, and ends when it is told to or has failed.
 *
 * @param receive takes the next message from the queue
 * @param alive is stored as the sign of life, not 0: something by which others can tell that the thread has not ended
 */
export function* workerMain(
  setup: WorkerSetup,
  receive: () => ProgramMessage | undefined,
  alive: number,
): Generator<void, void> {
  const { memory, thread, line, words, failed, meetings, spin, patience } = setup;
  // The memory may grow; its first bytes, where the control words are, stay.
  const control = new Int32Array(memory.buffer, 0, line + words.failureText + setup.failureCharacters / 4);
  const modules = new Map<number, WebAssembly.Module>();
  const instances = new Map<number, WebAssembly.Exports>();
  const wait = (meeting: number): void => {
    Atomics.wait(control, meetings, meeting, patience);
    if (Atomics.load(control, failed) !== 0) throw new Error('another thread has failed');
  };
  const exportsOf = (program: number): WebAssembly.Exports => {
    let exports = instances.get(program);
    if (exports === undefined) {
      const module = modules.get(program);
      if (module === undefined) throw new Error(`program ${program} has not arrived`);
      exports = new WebAssembly.Instance(module, { env: { memory, wait } }).exports;
      instances.set(program, exports);
    }
    return exports;
  };
  const report = (failure: string): void => {
    const length = Math.min(failure.length, setup.failureCharacters);
    const bytes = new Uint8Array(memory.buffer, 4 * (line + words.failureText), length);
    for (let i = 0; i < length; i++) {
      const code = failure.charCodeAt(i);
      bytes[i] = code < 128 ? code : 63;
    }
    Atomics.store(control, line + words.failureLength, length);
  };

  let command = 0;
  let mail = 0;
  Atomics.store(control, line + words.alive, alive);
  Atomics.notify(control, line + words.alive);
  for (;;) {
    const until = performance.now() + spin;
    while (Atomics.load(control, line + words.command) === command && performance.now() < until);
    while (Atomics.load(control, line + words.command) === command)
      Atomics.wait(control, line + words.command, command);
    command = Atomics.load(control, line + words.command);
    const program = control[line + words.program];
    if (program < 0) return;
    try {
      for (const posted = control[line + words.mail]; mail !== posted; mail = (mail + 1) | 0) {
        let message = receive();
        while (message === undefined) {
          yield;
          message = receive();
        }
        instances.delete(message.program);
        if (message.module === null) modules.delete(message.program);
        else modules.set(message.program, message.module);
      }
      const kernel = control[line + words.kernel];
      const entry = exportsOf(program)[kernel < 0 ? 'run' : `k${kernel}`];
      (entry as (table: number, thread: number, threads: number) => void)(
        control[line + words.table],
        thread,
        control[line + words.threads],
      );
    } catch (error) {
      // The first failure is the cause of the others.
      if (Atomics.compareExchange(control, failed, 0, thread) === 0) report(String(error));
      Atomics.notify(control, meetings);
      return;
    } finally {
      Atomics.store(control, line + words.done, command);
      Atomics.notify(control, line + words.done);
    }
  }
}
