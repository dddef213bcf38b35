import { firstLine, type NativeHost } from './native_host.ts';
import { cacheFolder } from './object_cache.ts';

/** The macros that a compiler defines, as text: what it is and what it compiles for. Remembered on disk, as asking takes 30 ms. */

/** The text, or why there is none; `fatal` where other flags cannot help. */
export type Probe = { readonly text: string } | { readonly problem: string; readonly fatal: boolean };

/** Asks `command` for its macros with some flags. */
export function probeCompiler(host: NativeHost, command: string, flags: readonly string[]): Probe {
  const file = rememberedIn(host, command, flags);
  const known = file === null ? null : recall(host, file);
  if (known !== null) return { text: known };
  const run = host.processes.spawnSync(command, [...flags, '-dM', '-E', '-x', 'c', '-'], {
    input: '',
    encoding: 'utf8',
    timeout: 20_000,
    maxBuffer: 2 ** 24,
  });
  if (run.error !== undefined) return { problem: firstLine(run.error), fatal: true };
  if (run.status !== 0 || !/^#define __GNUC__ /m.test(run.stdout)) {
    const problem = run.stderr.split('\n')[0] || `it ended with status ${run.status}`;
    return { problem, fatal: false };
  }
  if (file !== null) remember(host, file, run.stdout);
  return { text: run.stdout };
}

/** The file of a probe: named after the compiler's file, its date and size, the flags and the processor. Null for scripts. */
function rememberedIn(host: NativeHost, command: string, flags: readonly string[]): string | null {
  const { fs, os, path, crypto } = host;
  try {
    const folders = (process.env.PATH ?? '').split(path.delimiter);
    const candidates = command.includes('/')
      ? [command]
      : folders.map((folder) => path.join(folder, command));
    const found = candidates.find((candidate) => fs.existsSync(candidate));
    if (found === undefined) return null;
    const real = fs.realpathSync(found);
    const { size, mtimeMs } = fs.statSync(real);
    const start = Buffer.alloc(2);
    const descriptor = fs.openSync(real, 'r');
    fs.readSync(descriptor, start, 0, 2, 0);
    fs.closeSync(descriptor);
    // What a script calls may change without it.
    if (start.toString() === '#!') return null;
    const processor = [process.platform, process.arch, os.cpus()[0]?.model, processorFlags(host)];
    const identity = JSON.stringify([real, size, mtimeMs, flags, processor]);
    const hash = crypto.createHash('sha256').update(identity).digest('hex');
    return path.join(cacheFolder(host), `compiler-${hash}.txt`);
  } catch {
    return null;
  }
}

/** What Linux says that the processor can do: the same model may have less of it in a virtual machine. */
function processorFlags({ fs }: NativeHost): string {
  try {
    return /^(?:flags|Features)\s*:.*$/m.exec(fs.readFileSync('/proc/cpuinfo', 'latin1'))?.[0] ?? '';
  } catch {
    return '';
  }
}

const digest = (host: NativeHost, text: string): string =>
  host.crypto.createHash('sha256').update(text).digest('hex');

/** The first line is the hash of the rest. */
function recall(host: NativeHost, file: string): string | null {
  try {
    const content = host.fs.readFileSync(file, 'utf8');
    const text = content.slice(65);
    return content.slice(0, 64) === digest(host, text) ? text : null;
  } catch {
    return null;
  }
}

function remember(host: NativeHost, file: string, text: string): void {
  const { fs, path } = host;
  const unfinished = path.join(path.dirname(file), `unfinished-${process.pid}-probe`);
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    fs.writeFileSync(unfinished, `${digest(host, text)}\n${text}`, { mode: 0o600 });
    fs.renameSync(unfinished, file);
  } catch {
    // A folder that cannot be written: asked again next time.
  }
}
