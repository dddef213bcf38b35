/** A warning for whoever runs the program: Node's, which can be silenced or traced there, or the console's. */
export function warn(message: string): void {
  if (typeof process !== 'undefined' && typeof process.emitWarning === 'function')
    process.emitWarning(message);
  else console.warn(message);
}
