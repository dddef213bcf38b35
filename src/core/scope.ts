import type { Tensor } from './tensor.ts';
import { flatten } from './tree.ts';

interface Disposable {
  dispose(): void;
}

let created: Disposable[] | null = null;

/** Remembers an array for the innermost scope. */
export function noteCreated(array: Disposable): void {
  created?.push(array);
}

/**
 * Runs `body` and disposes every array made in it, except those in its result. A convenience for long synchronous loops:
 * without it the collector does the same later.
 */
export function scope<T>(body: () => T): T {
  const outer = created;
  created = [];
  try {
    const result = body();
    const kept = new Set<unknown>(
      flatten(result, isDisposable, 'scope').leaves.map((t) => (t as Tensor).node),
    );
    for (const array of created) if (!kept.has((array as Tensor).node)) array.dispose();
    return result;
  } finally {
    created = outer;
  }
}

const isDisposable = (value: unknown): value is Disposable =>
  typeof value === 'object' && value !== null && 'dispose' in value && 'node' in value;
