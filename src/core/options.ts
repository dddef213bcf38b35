/**
 * Refuses options that nobody reads, such as misspelt ones.
 *
 * @param name whom the message speaks for
 * @throws TypeError that names the unknown keys and the possible ones
 */
export function checkOptions(name: string, options: object, allowed: readonly string[]): void {
  const unknown = Object.keys(options).filter((key) => !allowed.includes(key));
  if (unknown.length === 0) return;
  throw new TypeError(
    `${name}: unknown option${unknown.length > 1 ? 's' : ''} ${unknown.map((k) => `'${k}'`).join(', ')}; ` +
      (allowed.length > 0 ? `options are ${allowed.join(', ')}` : 'it takes none'),
  );
}
