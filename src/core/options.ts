/**
 * Refuses options that nobody reads, such as misspelt ones, and what is no object of options: `new SGD(model, 0.1)`.
 *
 * @param name whom the message speaks for
 * @throws TypeError that names the unknown keys and the possible ones
 */
export function checkOptions(name: string, options: object, allowed: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const example = allowed.length > 0 ? ` such as { ${allowed[0]}: ... }` : '';
    throw new TypeError(`${name}: options come as an object${example}, got ${JSON.stringify(options)}`);
  }
  const unknown = Object.keys(options).filter((key) => !allowed.includes(key));
  if (unknown.length === 0) return;
  throw new TypeError(
    `${name}: unknown option${unknown.length > 1 ? 's' : ''} ${unknown.map((k) => `'${k}'`).join(', ')}; ` +
      (allowed.length > 0 ? `options are ${allowed.join(', ')}` : 'it takes none'),
  );
}

/** Refuses what is to be a function and is none. */
export function checkFunction(name: string, f: unknown): void {
  if (typeof f !== 'function')
    throw new TypeError(`${name}: takes a function, got ${f === null ? 'null' : typeof f}`);
}
