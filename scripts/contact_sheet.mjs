// Draws docs/digits.png: a row of samples for each of the generated digits. Needs `npm run build`.
//
//   node scripts/contact_sheet.mjs [--out docs/digits.png] [--columns 20] [--scale 2] [--seed 0]

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { crc32, deflateSync } from 'node:zlib';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'docs/digits.png' },
    columns: { type: 'string', default: '20' },
    scale: { type: 'string', default: '2' },
    seed: { type: 'string', default: '0' },
    from: { type: 'string', default: new URL('../dist/data/digits.js', import.meta.url).href },
  },
});
const [columns, scale, seed] = [values.columns, values.scale, values.seed].map(Number);
const { digits } = await import(values.from);
const { train } = digits({ train: 10 * columns, test: 0, seed });

const cell = 28 * scale + 2;
const width = columns * cell + 2;
const height = 10 * cell + 2;
const grey = new Uint8Array(width * height).fill(40);
const drawn = new Array(10).fill(0);
for (let i = 0; i < train.count; i++) {
  const left = 2 + drawn[train.labels[i]]++ * cell;
  const top = 2 + train.labels[i] * cell;
  for (let y = 0; y < 28 * scale; y++) {
    for (let x = 0; x < 28 * scale; x++) {
      const pixel = Math.floor(y / scale) * 28 + Math.floor(x / scale);
      grey[(top + y) * width + left + x] = train.images[i * 784 + pixel];
    }
  }
}
writeFileSync(values.out, png(grey, width, height));
console.log(`${values.out}: ${columns} samples of each digit, ${width}x${height}`);

/** An 8-bit grey PNG (RFC 2083): signature, header, one compressed block of unfiltered rows, end. */
function png(pixels, width, height) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const chunk = (type, body) => {
    const bytes = Buffer.alloc(body.length + 12);
    bytes.writeUInt32BE(body.length, 0);
    bytes.write(type, 4, 'latin1');
    bytes.set(body, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length);
    return bytes;
  };
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const blocks = [
    ['IHDR', header],
    ['IDAT', deflateSync(rows, { level: 9 })],
    ['IEND', Buffer.alloc(0)],
  ];
  return Buffer.concat([signature, ...blocks.map(([type, body]) => chunk(type, body))]);
}
