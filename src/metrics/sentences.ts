/** A text: words separated by white space, or a list of tokens of any kind. */
export type Sentence = string | readonly (string | number)[];

/** Its tokens. */
export const tokensOf = (sentence: Sentence): readonly (string | number)[] =>
  typeof sentence === 'string' ? sentence.split(/\s+/).filter((word) => word !== '') : sentence;

/**
 * Candidates and references side by side.
 *
 * @throws TypeError if one is not a list, RangeError if there are not as many
 */
export function pairs<A, B>(name: string, candidates: readonly A[], references: readonly B[]): [A, B][] {
  if (!Array.isArray(candidates) || !Array.isArray(references))
    throw new TypeError(`${name}: expected lists, one item for each text, got one text; put it into a list`);
  if (candidates.length !== references.length)
    throw new RangeError(
      `${name}: ${candidates.length} candidates but references of ${references.length}; there must be some for each`,
    );
  return candidates.map((candidate, i) => [candidate, references[i]]);
}

/**
 * Checks the list of references of one candidate.
 *
 * @throws RangeError if it is empty or a text
 */
export function checkReferences(name: string, references: readonly Sentence[]): readonly Sentence[] {
  if (!Array.isArray(references) || references.length === 0)
    throw new RangeError(
      `${name}: each candidate needs a list of references, at least one: [['the text'], ...]`,
    );
  return references;
}
