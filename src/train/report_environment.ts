import { findCompiler } from '../runtime/cpu/c_compiler.ts';
import { threadCount } from '../runtime/cpu/threads.ts';

/** Where a training runs, in words. */
export type Environment = Readonly<Record<string, string>>;

/**
 * Versions, machine, tier, threads, commit and command line of this process; in a browser what it says of itself.
 *
 * @param folder from which on, and above, a git repository is looked for; default the present one
 */
export function environmentHere(folder?: string): Environment {
  const threads = String(threadCount());
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function')
    return { platform: navigator.userAgent, tier: 'WebAssembly', threads };
  const { arch, cpus, platform, release, totalmem } = process.getBuiltinModule('node:os');
  const commit = gitCommit(folder ?? process.cwd());
  return {
    node: `${process.version}, V8 ${process.versions.v8}`,
    system: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() || 'unknown',
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    tier: tierInWords(),
    threads,
    ...(commit === null ? {} : { commit }),
    command: ['node', ...process.argv.slice(1)].map(quoted).join(' '),
    folder: process.cwd(),
  };
}

function tierInWords(): string {
  const forced = process.env.NABLA_TIER;
  if (forced === 'wasm') return 'WebAssembly (NABLA_TIER)';
  const compiler = findCompiler();
  if (typeof compiler === 'string') return `WebAssembly (no native code: ${compiler})`;
  const native = `native code by ${compiler.command} ${compiler.version}`;
  return forced === 'native' ? `${native} (NABLA_TIER)` : `${native}; small programs WebAssembly`;
}

/** An argument as a shell takes it. */
const quoted = (argument: string): string =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;

/** The commit that is checked out in a folder or one above it, read from git's own files; null if there is none. */
export function gitCommit(folder: string): string | null {
  const { existsSync, readFileSync, statSync } = process.getBuiltinModule('node:fs');
  const { dirname, join, resolve } = process.getBuiltinModule('node:path');
  const read = (path: string): string | null => (existsSync(path) ? readFileSync(path, 'utf8').trim() : null);
  try {
    for (let place = resolve(folder); ; place = dirname(place)) {
      const git = join(place, '.git');
      if (!existsSync(git)) {
        if (dirname(place) === place) return null;
        continue;
      }
      // In a worktree it is a file that says where the folder is; shared parts are in another one.
      const own = statSync(git).isDirectory()
        ? git
        : resolve(
            place,
            readFileSync(git, 'utf8')
              .replace(/^gitdir:\s*/, '')
              .trim(),
          );
      const shared = resolve(own, read(join(own, 'commondir')) ?? '.');
      const head = read(join(own, 'HEAD')) ?? '';
      const branch = /^ref: (.+)$/.exec(head)?.[1];
      if (branch === undefined) return /^[0-9a-f]{40,64}$/.test(head) ? head : null;
      const commit =
        read(join(shared, branch)) ??
        read(join(shared, 'packed-refs'))
          ?.split('\n')
          .find((line) => line.endsWith(` ${branch}`))
          ?.split(' ')[0];
      return commit === undefined ? null : `${commit} (${branch.replace(/^refs\/heads\//, '')})`;
    }
  } catch {
    // A repository that cannot be read is as good as none.
    return null;
  }
}
