import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DataError } from '../../src/data/index.ts';
import { FormatError, ReadError } from '../../src/io/index.ts';
import { Dice } from '../support/dice.ts';
import { Watchdog } from '../support/watchdog.ts';
import { damaged } from './damage.ts';
import { fileFormats } from './file_formats.ts';

/**
 * Damaged files over all readers: each is read, or refused with one clear error, soon and in little memory. `NABLA_FUZZ_FILES` says how
 * many; with `npm run test:long` 100,000. A table of counts is printed from 20,000 on.
 */
const rounds = Number(process.env.NABLA_FUZZ_FILES ?? '2000');
/** Seconds for one file, also while other processes have the processor. */
const limit = 20;
/** Megabytes that the process may grow by while it reads files of a format. */
const memory = 700;

const folder = mkdtempSync(join(tmpdir(), 'nabla-fuzz-files-'));
const file = join(folder, 'file');
const watchdog = new Watchdog(limit);
const table: string[] = [];
afterAll(async () => {
  await watchdog.close();
  rmSync(folder, { recursive: true });
  if (rounds >= 20_000) console.log(table.join('\n'));
});

/** What the engine says when a program errs, and not a reader about its file. */
const notOurs =
  /Cannot (read|set|convert|mix|access|destructure) (propert|undefined|null|private|BigInt|a |')|is not (a function|iterable|defined|a constructor)|call stack|Invalid (array|typed array|string|array buffer) length|[Aa]llocation failed|out of memory|Offset is outside|start offset|source array is too long|Reduce of empty/;

/** What files may not touch. */
const surroundings = (): unknown => [
  Reflect.ownKeys(Object.prototype).length,
  Reflect.ownKeys(Array.prototype).length,
  Reflect.ownKeys(Function.prototype).length,
  Object.keys(globalThis).sort(),
  process.cwd(),
  Object.keys(process.env).length,
];

describe('damaged files', async () => {
  const all = await fileFormats(folder, file);

  test.each(all.map((format) => [format.name, format] as const))(
    '%s: whole files are read',
    async (_, { samples, read }) => {
      expect(samples.length).toBeGreaterThan(0);
      for (const sample of samples) expect(await read(sample.slice())).toBeGreaterThan(0);
    },
  );

  test.each(all.map((format, i) => [format.name, format, i] as const))(
    '%s: damaged ones are read, or refused by name',
    { timeout: 4 * 3_600_000 },
    async (_, { name, samples, read }, i) => {
      const before = surroundings();
      const files = readdirSync(folder);
      const resident = process.resourceUsage().maxRSS;
      const reasons = new Set<string>();
      const count = Math.ceil(rounds / all.length);
      let [accepted, refused, slowest] = [0, 0, 0];
      const begin = performance.now();
      for (let round = 0; round < count; round++) {
        const dice = new Dice(1000 * round + i);
        const bytes = damaged(dice.pick(samples), dice);
        const what = `${name}, round ${round}`;
        watchdog.step(what);
        const start = performance.now();
        try {
          await read(bytes);
          accepted++;
        } catch (error) {
          refused++;
          const { message, stack } = error as Error;
          const isOurs =
            error instanceof FormatError || error instanceof ReadError || error instanceof DataError;
          // A model is traced when it is run, which says which of its nodes is at fault.
          const isModel = name === 'ONNX' && message.startsWith(`${file}: `);
          expect(isOurs || isModel, `${what}: ${stack}`).toBe(true);
          expect(message, what).not.toMatch(notOurs);
          expect(message, what).toContain(folder);
          expect(message.length, what).toBeLessThan(1500);
          reasons.add(message.replace(/\d+|".*"/g, '#'));
        }
        slowest = Math.max(slowest, performance.now() - start);
      }
      const seconds = (performance.now() - begin) / 1000;
      const grown = (process.resourceUsage().maxRSS - resident) / 1024;
      table.push(
        `${name.padEnd(24)} ${String(count).padStart(6)} files: ${String(accepted).padStart(6)} read, ${String(refused).padStart(6)} refused ` +
          `for ${reasons.size} reasons; ${seconds.toFixed(0)} s, slowest ${slowest.toFixed(0)} ms, ${grown.toFixed(0)} MB more`,
      );
      expect(reasons.size).toBeGreaterThan(1);
      expect(slowest).toBeLessThan(limit * 1000);
      expect(grown).toBeLessThan(memory);
      expect(surroundings()).toEqual(before);
      expect(readdirSync(folder).filter((found) => found !== 'file')).toEqual(
        files.filter((found) => found !== 'file'),
      );
    },
  );
});
