import type { Target } from '../../compiler/target.ts';
import { firstLine, type NativeHost, nativeHost } from './native_host.ts';
import { probeCompiler } from './native_probe.ts';

/** The system's C compiler: which one, for which processor, and compiling with it. */
export interface Compiler {
  /** The command, as given in `NABLA_CC` or found. */
  readonly command: string;
  readonly kind: 'gcc' | 'clang';
  /** The compiler's own description of its version. */
  readonly version: string;
  /** All options but input and output. */
  readonly flags: readonly string[];
  /** Macros that the compiler defines with these options: version, processor and its extensions. */
  readonly macros: ReadonlyMap<string, string>;
  /** Hash of all that decides about its output but the text. */
  readonly identity: string;
}

/** How long a compiler may take, in milliseconds. */
export const compileTimeout = 120_000;

/**
 * `-fwrapv` and `-fno-strict-aliasing` are the loop IR's arithmetic and memory; contraction is off as results must not depend on
 * the tier but where the IR says `fma`; wide vectors are asked for because processors that clock down for them are rare now.
 */
const commonFlags = [
  '-O2',
  '-std=gnu11',
  '-fPIC',
  '-shared',
  '-w',
  '-fvisibility=hidden',
  '-fwrapv',
  '-fno-strict-aliasing',
  '-fno-math-errno',
  '-fno-trapping-math',
  '-ffp-contract=off',
];

/**
 * GCC 12.2 vectorizes loops with conditions wrongly: where a sum reads only some elements, it loads their neighbours in memory instead
 * (test/runtime/native_programs has the loop). The loop IR has vectors of its own, so little is lost.
 */
const gccFlags = ['-fno-tree-loop-if-convert'];

const found = new Map<string, Compiler | string>();

/**
 * The compiler in `NABLA_CC`, or the first that works of cc, gcc and clang; else why there is none, as a sentence. Asked once for
 * each value of the variable. `NABLA_CC=none` stands for no compiler.
 */
export function findCompiler(): Compiler | string {
  const wanted = (typeof process === 'undefined' ? undefined : process.env.NABLA_CC)?.trim() ?? '';
  let result = found.get(wanted);
  if (result === undefined) found.set(wanted, (result = search(wanted)));
  return result;
}

function search(wanted: string): Compiler | string {
  const host = nativeHost();
  if (typeof host === 'string') return host;
  if (wanted === 'none') return 'NABLA_CC=none rules out a C compiler';
  let problem = '';
  for (const command of wanted === '' ? ['cc', 'gcc', 'clang'] : [wanted]) {
    const compiler = probe(host, command);
    if (typeof compiler !== 'string') return compiler;
    problem ||= compiler;
  }
  return wanted === ''
    ? `there is no C compiler (cc, gcc or clang: ${problem})`
    : `NABLA_CC=${wanted} is no C compiler that works: ${problem}`;
}

/** Asks a compiler for its macros with the flags for this processor, falling back to fewer flags. */
function probe(host: NativeHost, command: string): Compiler | string {
  let problem = 'no output';
  for (const native of [['-march=native'], ['-mcpu=native'], []]) {
    const answer = probeCompiler(host, command, native);
    if ('problem' in answer) {
      problem = answer.problem;
      if (answer.fatal) break;
      continue;
    }
    const macros = new Map<string, string>();
    for (const [, name, value] of answer.text.matchAll(/^#define (\w+) (.*)$/gm)) macros.set(name, value);
    const kind = macros.has('__clang__') ? 'clang' : 'gcc';
    const wide = macros.has('__AVX512F__') ? ['-mprefer-vector-width=512'] : [];
    const flags = [...commonFlags, ...(kind === 'gcc' ? gccFlags : []), ...native, ...wide];
    const hash = host.crypto.createHash('sha256').update(answer.text).update(flags.join(' '));
    return {
      command,
      kind,
      version: (macros.get('__VERSION__') ?? '').replace(/^"|"$/g, ''),
      flags,
      macros,
      identity: hash.digest('hex'),
    };
  }
  return problem;
}

/**
 * The processor as the compiler sees it, or null where there is no native tier. Tile parameters leave room in the register file
 * for a row's element and the columns: 28 of 32 registers of AVX-512 and 12 of 16 of AVX2 accumulate, 16 of 32 of arm64's short ones.
 */
export function nativeTarget(): Target | null {
  const compiler = findCompiler();
  return typeof compiler === 'string' ? null : targetOf(compiler.macros);
}

/** The target that a compiler's macros describe. */
export function targetOf(macros: ReadonlyMap<string, string>): Target {
  const shared = { chunkWork: 65536, sumBlock: 384, rowBlockElements: 98304, columnBlockElements: 1048576 };
  if (macros.has('__AVX512F__'))
    return { ...shared, lanes: 16, fma: true, tileRows: 14, tileVectors: 2, narrowRows: 28 };
  const fma = macros.has('__FMA__');
  if (macros.has('__AVX2__'))
    return { ...shared, lanes: 8, fma, tileRows: 6, tileVectors: 2, narrowRows: 12 };
  if (macros.has('__aarch64__'))
    return { ...shared, lanes: 4, fma: true, tileRows: 8, tileVectors: 2, narrowRows: 16 };
  return { ...shared, lanes: 4, fma, tileRows: 4, tileVectors: 2, narrowRows: 8 };
}

/** A compiler's complaint, shortened to its first line. */
export class CompileError extends Error {
  override name = 'CompileError';
}

interface Job {
  readonly folder: string;
  readonly output: string;
  readonly arguments: readonly string[];
  readonly options: { cwd: string; env: NodeJS.ProcessEnv };
}

/** A folder of its own for everything that compiling writes, the compiler's temporary files included. */
function begin(host: NativeHost, compiler: Compiler, extra: readonly string[]): Job {
  const folder = host.fs.mkdtempSync(host.path.join(host.os.tmpdir(), 'nabla-'));
  const output = host.path.join(folder, 'object.so');
  return {
    folder,
    output,
    arguments: [...compiler.flags, '-x', 'c', '-', '-o', output, ...extra, '-lm'],
    options: { cwd: folder, env: { ...process.env, TMPDIR: folder, LC_ALL: 'C' } },
  };
}

function finish(
  host: NativeHost,
  compiler: Compiler,
  job: Job,
  status: number,
  messages: string,
): Uint8Array {
  if (status === 0) return host.fs.readFileSync(job.output);
  const lines = messages.split('\n');
  const line = lines.find((text) => /error|undefined|cannot/i.test(text)) ?? lines[0];
  throw new CompileError(`${compiler.command} failed with status ${status}: ${line || 'no message'}`);
}

const late = (compiler: Compiler, timeout: number): CompileError =>
  new CompileError(`${compiler.command} took longer than ${timeout / 1000} s and was stopped`);

/** Ends a compiler that leads a process group, and the processes that it has started. */
function endGroup(leader: number | undefined): void {
  if (leader === undefined || leader === 0) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // They have ended by themselves.
  }
}

const remove = (host: NativeHost, folder: string): void =>
  host.fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 });

function requireHost(): NativeHost {
  const host = nativeHost();
  if (typeof host === 'string') throw new CompileError(host);
  return host;
}

/**
 * C text as the bytes of a shared object. Nothing stays in the file system.
 *
 * @param extra further options, for linking
 * @throws CompileError with the compiler's first complaint, or when it takes longer than `timeout` milliseconds
 */
export function compileSync(
  compiler: Compiler,
  text: string,
  extra: readonly string[] = [],
  timeout = compileTimeout,
): Uint8Array {
  const host = requireHost();
  const job = begin(host, compiler, extra);
  try {
    const options = {
      ...job.options,
      // A process group of its own, which can be ended as a whole.
      detached: true,
      input: text,
      encoding: 'utf8' as const,
      timeout,
      maxBuffer: 2 ** 26,
    };
    const run = host.processes.spawnSync(compiler.command, job.arguments, options);
    const { code } = (run.error ?? {}) as NodeJS.ErrnoException;
    if (code === 'ETIMEDOUT') {
      endGroup(run.pid);
      throw late(compiler, timeout);
    }
    // A compiler that ends before it has read everything tells by its status why.
    if (run.error !== undefined && code !== 'EPIPE')
      throw new CompileError(`${compiler.command} cannot be run: ${firstLine(run.error)}`);
    return finish(host, compiler, job, run.status ?? -1, run.stderr);
  } finally {
    remove(host, job.folder);
  }
}

/** As `compileSync`, in the background. The compiler and its children end when the time is over. */
export async function compile(
  compiler: Compiler,
  text: string,
  extra: readonly string[] = [],
  timeout = compileTimeout,
): Promise<Uint8Array> {
  const host = requireHost();
  const job = begin(host, compiler, extra);
  try {
    const { status, messages } = await new Promise<{ status: number; messages: string }>(
      (resolve, reject) => {
        const child = host.processes.spawn(compiler.command, job.arguments, {
          ...job.options,
          stdio: ['pipe', 'ignore', 'pipe'],
          detached: true,
        });
        let messages = '';
        let stopped = false;
        const timer = setTimeout(() => {
          stopped = true;
          endGroup(child.pid);
        }, timeout);
        child.stderr.setEncoding('utf8').on('data', (part: string) => {
          messages += part;
        });
        child.stdin.on('error', () => {
          // The compiler ended before it had read everything; its status tells why.
        });
        child.on('error', (error) => {
          clearTimeout(timer);
          reject(new CompileError(`${compiler.command} cannot be run: ${firstLine(error)}`));
        });
        child.on('close', (code) => {
          clearTimeout(timer);
          if (stopped) reject(late(compiler, timeout));
          else resolve({ status: code ?? -1, messages });
        });
        child.stdin.end(text);
      },
    );
    return finish(host, compiler, job, status, messages);
  } finally {
    remove(host, job.folder);
  }
}
