import { expect, test } from 'vitest';
import { encodeZip, FormatError, fromTorch, tensorsIn } from '../../src/io/index.ts';
import { Dice } from '../support/dice.ts';

/** Random pickle programs of the operations that data needs: damaged files seldom get that far. */
const rounds = Number(process.env.NABLA_FUZZ_FILES ?? '2000');

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const storage = "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI4\ntQ";
const view = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}I0\n(I2\nI2\nt(I2\nI1\nt\x89}tR`;

/** Values first, so that operations find something to work on. */
const values = [
  ...['N', '\x88', 'K\x01', 'M\xff\xff', 'J\xff\xff\xff\xff', 'I-5\n', 'L3L\n', '\x8a\x02\x00\x80', 'F1.5\n'],
  ...["S'a\\x41'\n", 'X\x01\x00\x00\x00b', '\x8c\x01c', 'C\x02de', 'Vf\n', ')', ']', '}', '\x8f', '('],
  ...['ctorch\nFloatStorage\n', 'ctorch\nfloat32\n', 'ctorch\nSize\n', 'ccollections\nOrderedDict\n'],
  ...['cbuiltins\nset\n', 'ctorch._utils\n_rebuild_parameter\n', '(Vtorch\nVint8\n', storage, view, view],
];
const operations = [
  ...[
    '0',
    '1',
    '2',
    't',
    'l',
    'd',
    'a',
    'e',
    's',
    'u',
    '\x85',
    '\x86',
    '\x87',
    '\x90',
    '\x91',
    '\x93',
    'R',
    '\x81',
  ],
  ...['b', 'Q', 'P0\n', 'q\x00', 'q\x01', '\x94', 'h\x00', 'h\x01', 'r\x02\x00\x00\x00', 'j\x02\x00\x00\x00'],
  ...['cos\nsystem\n', 'i__main__\nX\n', 'o', '\x82\x01', '.'],
];
/** Pieces that mostly work, whatever is below them. */
const sound = [
  `}(X\x01\x00\x00\x00a${view}u`,
  '](K\x01K\x02e',
  'ccollections\nOrderedDict\n)R',
  'ccollections\nOrderedDict\n](K\x01K\x02\x86eR',
  'cbuiltins\nset\n]\x85R',
];

test('random pickle programs are read, or refused by name', { timeout: 4 * 3_600_000 }, async () => {
  let read = 0;
  const refused = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const dice = new Dice(round);
    const length = dice.pick([0, 1, 2, 4, 10, 40]);
    const middle = Array.from({ length }, () =>
      dice.pick(dice.pick([values, values, operations, sound])),
    ).join('');
    const program = dice.chance(0.5) ? `(${middle}l.` : `${dice.pick(sound)}${middle}.`;
    const archive = await encodeZip([
      { name: 'a/data.pkl', bytes: ascii(program) },
      { name: 'a/data/0', bytes: new Uint8Array(16) },
    ]);
    try {
      for (const array of Object.values(tensorsIn(await fromTorch(archive, 'x.pt'))))
        expect(array.size).toBe(4);
      read++;
    } catch (error) {
      const what = `round ${round}: ${JSON.stringify(program)}: ${(error as Error).stack}`;
      expect(error, what).toBeInstanceOf(FormatError);
      expect((error as Error).message, what).toMatch(/^x\.pt: /);
      refused.add((error as Error).message.replace(/\d+/g, '#'));
    }
  }
  expect(read).toBeGreaterThan(rounds / 10);
  expect(refused.size).toBeGreaterThan(5);
});

test('small programs that would make much are refused', async () => {
  const archive = (program: string) =>
    encodeZip([
      { name: 'a/data.pkl', bytes: ascii(program) },
      { name: 'a/data/0', bytes: new Uint8Array(16) },
    ]);
  // 60 lists, each of which holds the one before it twice.
  const doubled = `]q\x00${'0](h\x00h\x00eq\x00'.repeat(60)}.`;
  const value = await fromTorch(await archive(doubled), 'x.pt');
  expect(() => tensorsIn(value, 'x.pt')).toThrow('x.pt: more than 1000000 values');
  const items = `](${'K\x01K\x02\x86'.repeat(5000)}eq\x000`;
  const copies = `${items}](${'ccollections\nOrderedDict\nh\x00\x85R'.repeat(3000)}e.`;
  await expect(fromTorch(await archive(copies), 'x.pt')).rejects.toThrow('are made of too many items');
  const large = view.replace('(I2\nI2\nt(I2\nI1\nt', '(I4000\nI4000\nt(I0\nI0\nt');
  await expect(fromTorch(await archive(`](${large.repeat(5)}e.`), 'x.pt')).rejects.toThrow('far more memory');
  await expect(fromTorch(await archive(`\x8b\xff\xff\xff\x7f.`), 'x.pt')).rejects.toThrow('truncated');
  const digits = `\x8b\x00\x10\x00\x00${'1'.repeat(4096)}.`;
  await expect(fromTorch(await archive(digits), 'x.pt')).rejects.toThrow('an integer of 4096 bytes');
});
