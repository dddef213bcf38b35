import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tensor } from '../../src/index.ts';
import {
  Bleu,
  bleu,
  CharacterErrorRate,
  editDistance,
  Perplexity,
  perplexity,
  RougeL,
  rougeL,
  WordErrorRate,
  wordErrorRate,
} from '../../src/metrics/index.ts';

// Made by scripts/fixtures/nltk_text.py.
const corpora = JSON.parse(readFileSync(new URL('../fixtures/nltk_text.json', import.meta.url), 'utf8')) as {
  candidates: string[];
  references: string[][];
  bleu: { weights: number[] | null; smoothing: 'none' | 'floor' | 'addOne' | 'exponential'; value: number }[];
  edits: [number, number][];
}[];

describe('Bleu', () => {
  test.each(corpora.map((corpus, i) => ({ i, corpus })))(
    'has the numbers of NLTK, corpus $i',
    ({ corpus }) => {
      for (const { weights, smoothing, value } of corpus.bleu) {
        const options = weights === null ? { smoothing } : { n: weights.length, weights, smoothing };
        expect(bleu(corpus.candidates, corpus.references, options)).toBeCloseTo(value, 12);
        const first = new Bleu(options).update(corpus.candidates.slice(0, 1), corpus.references.slice(0, 1));
        const rest = new Bleu(options).update(corpus.candidates, corpus.references).reset();
        rest.update(corpus.candidates.slice(1, 2), corpus.references.slice(1, 2));
        rest.update(corpus.candidates.slice(2), corpus.references.slice(2));
        expect(first.merge(rest).compute()).toBeCloseTo(value, 12);
      }
    },
  );

  test('edges: the example of the paper, token lists, short and empty candidates', () => {
    expect(
      bleu(['the the the the the the the'], [['the cat is on the mat', 'there is a cat on the mat']], {
        n: 1,
      }),
    ).toBeCloseTo(2 / 7, 12);
    expect(bleu([[1, 2, 3, 4, 5]], [[[1, 2, 3, 4, 5]]])).toBe(1);
    expect(bleu(['a b'], [['a b']])).toBe(0);
    expect(bleu(['a b'], [['a b c d']], { n: 2 })).toBeCloseTo(Math.exp(-1), 12);
    expect(bleu([''], [['a']])).toBe(0);
    // 1 and '1' are different tokens, and tokens may hold spaces.
    expect(bleu([[1, 'a b']], [[['1', 'a', 'b']]], { n: 1 })).toBe(0);
    expect(new Bleu().compute()).toBe(0);
  });

  test('errors', () => {
    expect(() => bleu(['a'], [])).toThrow('1 candidates but references of 0');
    expect(() => bleu(['a'], [[]])).toThrow('at least one');
    expect(() => bleu(['a'], ['a' as unknown as string[]])).toThrow('needs a list of references');
    expect(() => bleu('a' as unknown as string[], [['a']])).toThrow('put it into a list');
    expect(() => new Bleu({ n: 0 })).toThrow('n must be an integer from 1 on');
    expect(() => new Bleu({ n: 2, weights: [1] })).toThrow('needs 2 weights');
    expect(() => new Bleu({ smoothing: 'more' as 'none' })).toThrow('smoothing must be');
    expect(() => new Bleu().merge(new Bleu({ n: 2 }))).toThrow('n is 4 and 2');
  });
});

describe('edits', () => {
  test('are those of NLTK', () => {
    for (const { candidates, references, edits } of corpora) {
      const firsts = references.map(([reference]) => reference);
      for (const [i, [words, characters]] of edits.entries()) {
        expect(editDistance(candidates[i].split(' '), firsts[i].split(' '))).toBe(words);
        expect(editDistance(candidates[i], firsts[i])).toBe(characters);
      }
      const total = (values: number[]): number => values.reduce((a, b) => a + b, 0);
      const words = total(edits.map(([w]) => w)) / total(firsts.map((text) => text.split(' ').length));
      const characters = total(edits.map(([, c]) => c)) / total(firsts.map((text) => text.length));
      expect(wordErrorRate(candidates, firsts)).toBe(words);
      const part = new CharacterErrorRate().update(candidates.slice(0, 1), firsts.slice(0, 1));
      part.merge(new CharacterErrorRate().update(candidates.slice(1), firsts.slice(1)));
      expect(part.compute()).toBe(characters);
    }
  });

  test('edges', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance([1, 2], [])).toBe(2);
    expect(editDistance('a😀', 'a')).toBe(1);
    expect(new WordErrorRate().compute()).toBeNaN();
    expect(() => wordErrorRate(['a'], [])).toThrow('WordErrorRate: 1 candidates but references of 0');
  });
});

test('RougeL is what trying all subsequences gives', () => {
  const subsequences = (text: string): Set<string> => {
    const words = text.split(' ');
    return new Set(
      Array.from({ length: 2 ** words.length }, (_, bits) =>
        words.filter((_, i) => (bits >> i) & 1).join(' '),
      ),
    );
  };
  const candidates = ['the cat saw the dog', 'a b a c b a', 'x y'];
  const references = [['the dog saw the cat', 'a cat saw the big dog'], ['b a c a b'], ['z']];
  const expected = { precision: 0, recall: 0, f1: 0 };
  for (const [i, candidate] of candidates.entries()) {
    const own = subsequences(candidate);
    const best = references[i]
      .map((reference) => {
        const common = [...subsequences(reference)].filter((text) => text !== '' && own.has(text));
        const length = Math.max(0, ...common.map((text) => text.split(' ').length));
        const [precision, recall] = [
          length / candidate.split(' ').length,
          length / reference.split(' ').length,
        ];
        return { precision, recall, f1: length === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
      })
      .reduce((a, b) => (b.f1 > a.f1 ? b : a));
    for (const key of ['precision', 'recall', 'f1'] as const) expected[key] += best[key] / 3;
  }
  const merged = new RougeL().update(candidates.slice(0, 1), references.slice(0, 1));
  merged.merge(new RougeL().update(candidates.slice(1), references.slice(1)));
  for (const scores of [rougeL(candidates, references), merged.compute()])
    for (const key of ['precision', 'recall', 'f1'] as const)
      expect(scores[key]).toBeCloseTo(expected[key], 12);
  expect(merged.reset().compute().f1).toBeNaN();
});

describe('Perplexity', () => {
  const logits = tensor([
    [
      [0, 0, 0, 0],
      [1, 2, 3, 1000],
    ],
    [
      [5, 5, 5, 5],
      [0, 0, 0, 0],
    ],
  ]);

  test('logits, log-probabilities, padding, weights', () => {
    const tokens = tensor(
      [
        [0, 3],
        [1, 9],
      ],
      { dtype: 'int32' },
    );
    expect(perplexity(logits, tokens, { ignoreIndex: 9 })).toBeCloseTo(4 ** (2 / 3), 12);
    expect(perplexity([[Math.log(0.25), Math.log(0.75)]], [0])).toBeCloseTo(4, 12);
    expect(
      perplexity([[Math.log(0.25), Math.log(0.75)]].concat([[0, 0]]), [0, 1], { weights: [1, 3] }),
    ).toBeCloseTo(Math.exp((Math.log(4) + 3 * Math.log(2)) / 4), 12);
    expect(perplexity([[0, -Infinity]], [1])).toBe(Infinity);
    const part = new Perplexity({ ignoreIndex: 9 }).update(logits.at(0), tokens.at(0));
    part.merge(new Perplexity({ ignoreIndex: 9 }).update(logits.at(1), tokens.at(1)));
    expect(part.compute()).toBeCloseTo(4 ** (2 / 3), 12);
    expect(part.reset().compute()).toBeNaN();
  });

  test('errors', () => {
    expect(() => perplexity(logits, [0, 1])).toThrow('outputs [2, 2, 4] need targets [2, 2], got [2]');
    expect(() => perplexity([[0, 0]], [2])).toThrow('token 0 is 2, expected an integer from 0 to 1');
  });
});
