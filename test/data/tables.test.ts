import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CsvParser } from '../../src/data/csv_parser.ts';
import { decodeText } from '../../src/data/files.ts';
import {
  parseCsv,
  parseJsonLines,
  readCsv,
  readText,
  streamCsv,
  streamJsonLines,
  streamLines,
  Vocabulary,
} from '../../src/data/index.ts';
import { expectRobust } from './mutants.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nabla-tables-'));
});
afterAll(() => rm(folder, { recursive: true }));
const put = async (name: string, contents: string | Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, contents);
  return path;
};

const people =
  'name,age,member,note\r\n"Ann ""A"", Lee",41,true,"two\r\nlines"\r\nBo,,false,\r\n,3.5e1,TRUE,""\r\n';

describe('CSV', () => {
  test('quotes, line ends, types, missing values', () => {
    const table = parseCsv(people);
    expect(table.types).toEqual(['string', 'number', 'boolean', 'string']);
    expect(table.column('name')).toEqual(['Ann "A", Lee', 'Bo', null]);
    expect([...table.numbers('age')]).toEqual([41, Number.NaN, 35]);
    expect(table.column('note')).toEqual(['two\r\nlines', null, '']);
    expect(table.row(1)).toEqual({ name: 'Bo', age: null, member: false, note: null });
    expect(table.tensor().toArray()).toEqual([
      [41, 1],
      [Number.NaN, 0],
      [35, 1],
    ]);
    const { codes, values } = table.codes('name');
    expect([[...codes], values]).toEqual([
      [0, 1, -1],
      ['Ann "A", Lee', 'Bo'],
    ]);
  });

  test('the same rows however the text is cut', () => {
    const whole = new CsvParser('x', ',', '"');
    const rows = [...whole.push(people), ...whole.end()];
    for (let size = 1; size < people.length; size++) {
      const parser = new CsvParser('x', ',', '"');
      const pieces = [];
      for (let at = 0; at < people.length; at += size)
        pieces.push(...parser.push(people.slice(at, at + size)));
      expect([...pieces, ...parser.end()]).toEqual(rows);
    }
    expect(rows.map((row) => row.line)).toEqual([1, 2, 4, 5]);
  });

  test('without header, other delimiters, no quotes, LF and CR, types given', () => {
    const table = parseCsv('1;"2\n-3;4', { delimiter: ';', quote: null, header: false });
    expect([table.names, table.types]).toEqual([
      ['column1', 'column2'],
      ['number', 'string'],
    ]);
    expect(parseCsv('a\r1\r\r2\r').column('a')).toEqual([1, null, 2]);
    expect(parseCsv('007,x\n\n', { header: ['code', 'y'], types: { code: 'string' } }).row(0)).toEqual({
      code: '007',
      y: 'x',
    });
    expect(parseCsv('a,b\n').count).toBe(0);
    expect(parseCsv('a\n-\n1', { missing: ['-'] }).column('a')).toEqual([null, 1]);
    expect(parseCsv('__proto__\n1').row(0)).toEqual(Object.fromEntries([['__proto__', 1]]));
  });

  test.each<[string, string, string]>([
    ['an unclosed quote', 'a,b\n1,"x\n\n', 'the quote that opens on line 2 is never closed'],
    ['text after a quote', 'a,b\n1,"x"y\n', "line 2, column 2: 'y' follows a closing quote"],
    ['a quote in a field', 'a,b\n1,x"y"\n', 'line 2, column 2: a quote in a field'],
    ['a short row', 'a,b\n1,2\n3\n', 'line 3 has 1 fields, expected 2 (a, b)'],
    ['a long row', 'a,b\n"\n",2\n3,4,5\n', 'line 4 has 3 fields'],
    ['two columns of one name', 'a,a\n', "two columns are called 'a'"],
    ['nothing', '', 'is empty'],
  ])('refuses %s, saying where', (_, text, message) => {
    expect(() => parseCsv(text, {}, 'file.csv')).toThrow(`file.csv: ${message}`);
  });

  test('refuses values of another type and columns that are not there', () => {
    expect(() => parseCsv('a,b\n1,2\n1,two\n', { types: { b: 'number' } })).toThrow(
      'CSV: line 3, column 2 (b): "two" is no number',
    );
    expect(() => parseCsv('a\n1', { types: { z: 'number' } })).toThrow("no column 'z'; columns are a");
    expect(() => parseCsv('a\nx').numbers('a')).toThrow('is of text');
    expect(() => parseCsv('a\n1', { delimiter: 'ab' })).toThrow('one character');
  });

  test('streams a file of many pieces, as it reads it whole; compressed too', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i},"é ${i}, ${i % 7}"`);
    const text = `number,label\n${rows.join('\n')}`;
    for (const path of [await put('long.csv', text), await put('long.csv.gz', gzipSync(text))]) {
      const table = await readCsv(path);
      const streamed = await streamCsv(path).toArray();
      expect(streamed).toHaveLength(20_000);
      for (const i of [0, 999, 1000, 12_345, 19_999]) expect(streamed[i]).toEqual(table.row(i));
    }
    const late = await put('late.csv', `a\n${'1\n'.repeat(1500)}x\n`);
    await expect(streamCsv(late).toArray()).rejects.toThrow(
      'late.csv: line 1502, column 1 (a): "x" is no number',
    );
    await expect(streamCsv(await put('empty.csv', '')).toArray()).rejects.toThrow('is empty');
  });

  test('missing, damaged and binary files', async () => {
    await expect(readCsv(join(folder, 'none'))).rejects.toThrow('no such file');
    await expect(streamCsv(join(folder, 'none')).toArray()).rejects.toThrow('no such file');
    await expect(streamCsv(folder).toArray()).rejects.toThrow('is a folder');
    const binary = await put('binary.csv', Uint8Array.of(97, 10, 0xff, 0xfe));
    await expect(readCsv(binary)).rejects.toThrow('not UTF-8');
    await expect(streamCsv(binary).toArray()).rejects.toThrow('not UTF-8');
    const cut = await put('cut.gz', gzipSync(people).subarray(0, 40));
    await expect(streamCsv(cut).toArray()).rejects.toThrow('truncated gzip data');
  });

  test('1,000 mutants', () => {
    const good = new TextEncoder().encode(`${people}x,1,false,"a"\n`);
    const read = (bytes: Uint8Array) => parseCsv(decodeText(bytes, 'mutant'));
    expectRobust(
      good,
      read,
      (table) => {
        expect(table.types).toHaveLength(table.names.length);
        for (const name of table.names) expect(table.column(name)).toHaveLength(table.count);
      },
      1,
    );
  });
});

describe('JSON lines', () => {
  test('values, blank lines, streaming', async () => {
    const text = '\uFEFF{"a": [1, null]}\r\n\n"é"\n3';
    const values = [{ a: [1, null] }, 'é', 3];
    expect(parseJsonLines(text)).toEqual(values);
    expect(await streamJsonLines(await put('x.jsonl', text)).toArray()).toEqual(values);
  });

  test('says which line is none', async () => {
    expect(() => parseJsonLines('1\n{"a":}\n', 'f')).toThrow('f: line 2: no JSON');
    await expect(streamJsonLines(await put('y.jsonl', '1\n\n[')).toArray()).rejects.toThrow(
      'y.jsonl: line 3',
    );
  });

  test('1,000 mutants', () => {
    const good = new TextEncoder().encode('{"a": [1, 2.5e3], "b": "text"}\n[true, false, null]\n"x"\n');
    expectRobust(
      good,
      (b) => parseJsonLines(decodeText(b, 'mutant')),
      (v) => expect(Array.isArray(v)).toBe(true),
      2,
    );
  });
});

describe('text', () => {
  test('lines across pieces', async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => (i % 5 === 0 ? '' : `Zeile ü ${i}`));
    const path = await put('lines.txt', `${lines.join('\r\n')}\r\n`);
    expect(await streamLines(path).toArray()).toEqual(lines);
    expect((await readText(path)).length).toBe(lines.join('  ').length + 2);
  });

  test('vocabularies of characters and of words', () => {
    const characters = Vocabulary.of('hello 😀');
    expect(characters.tokens).toEqual([' ', 'e', 'h', 'l', 'o', '😀']);
    expect([...characters.encode('oh😀')]).toEqual([4, 2, 5]);
    expect(characters.decode(characters.encode('hello'))).toBe('hello');
    expect(() => characters.encode('hex')).toThrow('"x" at position 2 is not one of the 6 tokens');
    expect(() => characters.decode([6])).toThrow('they are 0 to 5');
    const words = Vocabulary.of('b a b c a b d'.split(' '), {
      size: 2,
      special: ['<pad>'],
      unknown: '<unk>',
    });
    expect(words.tokens).toEqual(['<pad>', '<unk>', 'b', 'a']);
    expect([...words.encode(['a', 'z'])]).toEqual([3, 1]);
    expect(words.decode([2, 3], ' ')).toBe('b a');
    expect(Vocabulary.of('aab', { minCount: 2 }).tokens).toEqual(['a']);
    expect(() => new Vocabulary(['a', 'a'])).toThrow('occurs twice');
  });
});
