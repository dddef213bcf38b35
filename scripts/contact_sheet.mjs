// Draws docs/digits.png: a row of samples for each of the generated digits. Needs `npm run build`.
//
//   node scripts/contact_sheet.mjs [--out docs/digits.png] [--columns 20] [--scale 2] [--seed 0]

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'docs/digits.png' },
    columns: { type: 'string', default: '20' },
    scale: { type: 'string', default: '2' },
    seed: { type: 'string', default: '0' },
    from: { type: 'string', default: new URL('../dist/data/index.js', import.meta.url).href },
  },
});
const [columns, scale, seed] = [values.columns, values.scale, values.seed].map(Number);
const { digits, encodePng } = await import(values.from);
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
writeFileSync(values.out, encodePng({ shape: [height, width, 1], data: grey }));
console.log(`${values.out}: ${columns} samples of each digit, ${width}x${height}`);
