/** What the native tier needs of Node. Asked for at run time, so that bundles for browsers hold no trace of it. */
export interface NativeHost {
  readonly fs: typeof import('node:fs');
  readonly os: typeof import('node:os');
  readonly path: typeof import('node:path');
  readonly crypto: typeof import('node:crypto');
  readonly processes: typeof import('node:child_process');
  readonly koffi: typeof import('koffi');
}

let host: NativeHost | string | null = null;

/** Node's modules and koffi, or why the native tier cannot run here, as a sentence for people. */
export function nativeHost(): NativeHost | string {
  host ??= findHost();
  return host;
}

function findHost(): NativeHost | string {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function')
    return 'native code runs in Node only';
  if (process.platform === 'win32') return 'native code is not supported on Windows';
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return `native code is not supported on ${process.arch} processors`;
  const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);
  try {
    return {
      fs: process.getBuiltinModule('node:fs'),
      os: process.getBuiltinModule('node:os'),
      path: process.getBuiltinModule('node:path'),
      crypto: process.getBuiltinModule('node:crypto'),
      processes: process.getBuiltinModule('node:child_process'),
      koffi: require('koffi') as typeof import('koffi'),
    };
  } catch (error) {
    return `the package koffi, which calls native code, does not load: ${firstLine(error)}`;
  }
}

/** The first line of an error's message. */
export const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0];
