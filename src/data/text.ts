import { checkOptions } from '../core/options.ts';
import { parseJson } from '../io/json.ts';
import { DataError } from './dataset.ts';
import { decodeText, readBytes, textChunks } from './files.ts';
import { Stream } from './stream.ts';

/** Values of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The text of a UTF-8 file, which may be compressed by gzip. @throws DataError when it cannot be read or is not UTF-8 */
export const readText = async (path: string): Promise<string> =>
  decodeText(await readBytes(path, 'readText'), path);

/** Characters of a line, 256 Mi: what compressed files of one letter would go beyond. */
export const longestLine = 2 ** 28;

/**
 * The lines of a UTF-8 file, without their ends (LF or CR LF), read piece by piece. In iterations: DataError when the file cannot be
 * read, is not UTF-8, or a line has more than 2^28 characters.
 */
export const streamLines = (path: string): Stream<string> =>
  new Stream(async function* () {
    let rest = '';
    for await (const text of textChunks(path, 'streamLines')) {
      const lines = text.split('\n');
      lines[0] = rest + lines[0];
      rest = lines.pop() ?? '';
      if (rest.length > longestLine)
        throw new DataError(`${path}: a line of more than ${longestLine} characters; is it a file of lines?`);
      for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
    if (rest !== '') yield rest;
  });

function parseLine(text: string, line: number, name: string): Json {
  try {
    return parseJson(text) as Json;
  } catch (error) {
    throw new DataError(
      `${name}: line ${line}: no JSON: ${(error as Error).message}; each line must be one JSON value`,
      { cause: error },
    );
  }
}

/**
 * Reads JSON lines: one JSON value on each line; blank lines count for nothing.
 *
 * @param name what error messages call it
 * @throws DataError with the line of what is no JSON
 */
export function parseJsonLines(text: string, name = 'JSON lines'): Json[] {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return plain.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [parseLine(line, i + 1, name)]));
}

/** {@link parseJsonLines} of a file, read piece by piece; each iteration of the stream reads it anew. */
export const streamJsonLines = (path: string): Stream<Json> =>
  new Stream(async function* () {
    let line = 0;
    for await (const text of streamLines(path)) {
      line++;
      if (text.trim() !== '') yield parseLine(text, line, path);
    }
  });

/** Options of {@link Vocabulary.of}. */
export interface VocabularyOptions {
  /** Tokens that occur less often are left out. Default 1. */
  readonly minCount?: number;
  /** At most so many tokens, the most frequent ones, `special` and `unknown` not counted. Default: all. */
  readonly size?: number;
  /** Tokens at the beginning, such as padding. Default none. */
  readonly special?: readonly string[];
  /** A token that stands for all that are not in the vocabulary; it follows `special`. Default none: those are errors. */
  readonly unknown?: string;
}

/** Tokens and their numbers, from 0 on. */
export class Vocabulary {
  readonly tokens: readonly string[];
  readonly unknown: string | null;
  readonly #numbers: ReadonlyMap<string, number>;

  /** @throws DataError when a token occurs twice or `unknown` is none of them */
  constructor(tokens: readonly string[], unknown: string | null = null) {
    this.tokens = tokens;
    this.unknown = unknown;
    this.#numbers = new Map(tokens.map((token, i) => [token, i]));
    if (this.#numbers.size !== tokens.length) {
      const twice = tokens.find((token, i) => tokens.indexOf(token) !== i);
      throw new DataError(`Vocabulary: the token ${JSON.stringify(twice)} occurs twice`);
    }
    if (unknown !== null && !this.#numbers.has(unknown))
      throw new DataError(`Vocabulary: ${JSON.stringify(unknown)} is not one of the tokens`);
  }

  /**
   * The vocabulary of a text: characters (code points) of a string, or the tokens of a list. All tokens are sorted by code points;
   * those of a limited `size` by frequency.
   */
  static of(text: Iterable<string>, options: VocabularyOptions = {}): Vocabulary {
    checkOptions('Vocabulary.of', options, ['minCount', 'size', 'special', 'unknown']);
    const { minCount = 1, size, special = [], unknown } = options;
    const first = unknown === undefined ? special : [...special, unknown];
    const counts = new Map<string, number>();
    for (const token of text) counts.set(token, (counts.get(token) ?? 0) + 1);
    for (const token of first) counts.delete(token);
    const entries = [...counts].filter(([, count]) => count >= minCount);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    if (size !== undefined) entries.sort(([, a], [, b]) => b - a).splice(size);
    return new Vocabulary([...first, ...entries.map(([token]) => token)], unknown ?? null);
  }

  /** Number of tokens. */
  get size(): number {
    return this.tokens.length;
  }

  has(token: string): boolean {
    return this.#numbers.has(token);
  }

  /**
   * The number of each token of a list, or of each character of a string.
   *
   * @throws DataError for tokens that are not in the vocabulary, unless it has one for the unknown
   */
  encode(text: Iterable<string>): Int32Array {
    const other = this.unknown === null ? undefined : this.#numbers.get(this.unknown);
    return Int32Array.from([...text], (token, position) => {
      const number = this.#numbers.get(token) ?? other;
      if (number === undefined)
        throw new DataError(
          `Vocabulary: ${JSON.stringify(token)} at position ${position} is not one of the ${this.size} tokens; make the ` +
            'vocabulary of all text, or with unknown',
        );
      return number;
    });
  }

  /**
   * The tokens of numbers, joined.
   *
   * @throws DataError for a number that is none of a token
   */
  decode(numbers: ArrayLike<number>, separator = ''): string {
    return Array.from(numbers, (number) => {
      const token = this.tokens[number];
      if (token === undefined)
        throw new DataError(`Vocabulary: ${number} is no token; they are 0 to ${this.size - 1}`);
      return token;
    }).join(separator);
  }
}
