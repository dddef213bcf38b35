/** Warnings about functions that are compiled again and again: what changed between two compilations. */

/** What one compilation of a function was for. */
export interface Specialization {
  /** Types of the arrays among the arguments. */
  readonly types: readonly string[];
  /** The tree of the arguments with its static values; * stands for an array. */
  readonly structure: string;
}

/** More compilations of one function than this are probably a mistake. */
export const manyTraces = 32;

/** How many differences a message lists. */
const mostShown = 3;

/** What differs between two compilations, in words. */
export function changeBetween(before: Specialization, after: Specialization): string {
  const changes = [...staticChanges(before.structure, after.structure), ...typeChanges(before, after)];
  if (changes.length === 0)
    return 'a fact outside of the arguments changed, such as train() and eval(), or what is trainable';
  const more = changes.length > mostShown ? `, and ${changes.length - mostShown} more` : '';
  return changes.slice(0, mostShown).join(', ') + more;
}

function typeChanges({ types }: Specialization, after: Specialization): string[] {
  if (types.length !== after.types.length)
    return [`the number of arrays from ${types.length} to ${after.types.length}`];
  return types.flatMap((type, i) =>
    type === after.types[i] ? [] : [`array ${i} of the arguments from ${type} to ${after.types[i]}`],
  );
}

/** Splits at what belongs to the structure, but not in texts. */
const tokens = (structure: string): string[] =>
  structure.match(/"(?:[^"\\]|\\.)*"|[[\]{},]|[^[\]{},"]+/g) ?? [];

function staticChanges(before: string, after: string): string[] {
  if (before === after) return [];
  const [a, b] = [tokens(before), tokens(after)];
  if (a.length !== b.length)
    return [`the structure of the arguments from ${short(before)} to ${short(after)}`];
  return a.flatMap((token, i) =>
    token === b[i] ? [] : [`the static value ${short(staticText(token))} to ${short(staticText(b[i]))}`],
  );
}

/** `number:3` as 3. */
const staticText = (token: string): string => token.replace(/^(number|boolean|bigint):/, '');

const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);

/** Warns that a jitted function does not stop being compiled. */
export function warnOfRetracing(
  name: string,
  count: number,
  before: Specialization,
  after: Specialization,
): void {
  console.warn(
    `nabla: jit(${name}) was compiled ${count} times for different shapes, dtypes or static arguments. This time, what changed was ` +
      `${changeBetween(before, after)}. Pass changing numbers as arrays, and pad or bucket changing shapes.`,
  );
}
