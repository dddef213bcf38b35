/** JSON that nobody vouches for: parsing it, and what is known of values in it. */

/** Whether it is an object that is no list. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether it is an integer >= 0 that a number holds exactly. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/** Levels of lists and objects within each other. */
const deepest = 1000;

/**
 * `JSON.parse`, which takes some 50 bytes of memory for a bracket (so that a compressed file of brackets would end the process), of text
 * that is nested at most 1,000 deep; so values can be walked through, and printed, without a limit of depth of one's own.
 *
 * @throws SyntaxError that says what is wrong
 */
export function parseJson(text: string): unknown {
  // Shorter text can be as deep as that at most, and seldom is longer.
  if (text.length > deepest && depthOf(text) > deepest)
    throw new SyntaxError(`lists and objects lie within each other more than ${deepest} deep`);
  return JSON.parse(text);
}

/** How deep brackets are, those in strings aside; the search ends beyond {@link deepest}. */
function depthOf(text: string): number {
  let [depth, most] = [0, 0];
  for (let i = 0; i < text.length && most <= deepest; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      do {
        i = text.indexOf('"', i + 1);
        if (i < 0) return most;
      } while (isEscaped(text, i));
    } else if (c === 0x5b || c === 0x7b) most = Math.max(most, ++depth);
    else if (c === 0x5d || c === 0x7d) depth--;
  }
  return most;
}

/** Whether an odd number of backslashes stands before a character. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text.charCodeAt(start - 1) === 0x5c) start--;
  return (at - start) % 2 === 1;
}

/** A value of JSON as text for messages, cut after 100 characters. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}
