import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  DivergenceError,
  distributions,
  formatTrials,
  gridSearch,
  hyperband,
  Interrupted,
  randomSearch,
  successiveHalving,
  type Trial,
  trialsToCsv,
} from '../../src/train/index.ts';
import { sampleSpace } from '../../src/train/search/distributions.ts';

const module = new URL('search_trials.mjs', import.meta.url);
const folders: string[] = [];
const freshFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-search-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('distributions', () => {
  const { choice, int, logUniform, uniform } = distributions;
  const draw = (space: Parameters<typeof sampleSpace>[0], n = 4000) =>
    Array.from({ length: n }, (_, i) => sampleSpace(space, 3, i));

  test('have their ranges and shares', () => {
    const drawn = draw({
      a: uniform(-1, 3),
      b: logUniform(1e-4, 1),
      c: int(2, 5),
      d: int(1, 7, { log: true }),
      e: choice(['x', 'y']),
    });
    const a = drawn.map((s) => s.a as number);
    expect(Math.min(...a) >= -1 && Math.max(...a) < 3).toBe(true);
    // Five standard deviations of a mean, of counts.
    expect(Math.abs(a.reduce((s, x) => s + x, 0) / 4000 - 1)).toBeLessThan((5 * 4) / Math.sqrt(12 * 4000));
    const b = drawn.map((s) => s.b as number);
    expect(Math.min(...b) >= 1e-4 && Math.max(...b) <= 1).toBe(true);
    expect(Math.abs(b.filter((x) => x < 1e-2).length - 2000)).toBeLessThan(5 * Math.sqrt(1000));
    const count = (name: string, value: unknown) => drawn.filter((s) => s[name] === value).length;
    for (const value of [2, 3, 4, 5])
      expect(Math.abs(count('c', value) - 1000)).toBeLessThan(5 * Math.sqrt(750));
    // One octave each: 1; 2 and 3; 4 to 7.
    expect(Math.abs(count('d', 1) - 4000 / 3)).toBeLessThan(5 * Math.sqrt(4000 * (2 / 9)));
    const octave = [4, 5, 6, 7].reduce((sum, value) => sum + count('d', value), 0);
    expect(Math.abs(octave - 4000 / 3)).toBeLessThan(5 * Math.sqrt(4000 * (2 / 9)));
    expect(count('d', 0) + count('d', 8)).toBe(0);
    expect(Math.abs(count('e', 'x') - 2000)).toBeLessThan(5 * Math.sqrt(1000));
  });

  test('are functions of seed and number', () => {
    const space = { lr: logUniform(0.1, 1), fixed: 4 };
    expect(sampleSpace(space, 1, 5)).toEqual(sampleSpace(space, 1, 5));
    expect(sampleSpace(space, 1, 5)).not.toEqual(sampleSpace(space, 2, 5));
    expect(sampleSpace(space, 1, 5)).not.toEqual(sampleSpace(space, 1, 6));
    expect(sampleSpace(space, 1, 5).fixed).toBe(4);
  });

  test('refuse what is none', () => {
    expect(() => uniform(2, 1)).toThrow('low <= high, got 2 and 1');
    expect(() => logUniform(0, 1)).toThrow('above 0');
    expect(() => int(0.5, 2)).toThrow('integers');
    expect(() => choice([])).toThrow('no values');
  });
});

describe('in this process', () => {
  test('a grid: every combination, the best first, seeds of their own', async () => {
    const seeds: number[] = [];
    const { best, trials, table } = await gridSearch(
      ({ lr, units, deep }, { seed, budget, folder }) => {
        seeds.push(seed);
        expect([budget, folder]).toEqual([5, null]);
        return { validationLoss: Math.abs(lr - 0.1) + units / 1000 + (deep ? 0 : 1), units };
      },
      { space: { lr: [1, 0.1, 0.01], units: [8, 4], deep: true }, budget: 5 },
    );
    expect(trials).toHaveLength(6);
    expect(new Set(seeds).size).toBe(6);
    expect(best?.settings).toEqual({ lr: 0.1, units: 4, deep: true });
    const losses = trials.map((t) => t.metrics.validationLoss);
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
    expect(trials.map((t) => t.number).sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(table.split('\n')[0]).toMatch(/^trial +lr +units +deep +budget +validationLoss +units +seconds$/);
    expect(table.split('\n')).toHaveLength(7);
    expect(table).toBe(formatTrials(trials));
  });

  test('more is better where the name does not say loss or error', async () => {
    const search = (mode?: 'min') =>
      randomSearch(({ x }) => x, {
        space: { x: distributions.uniform(0, 1) },
        ...{ trials: 8, monitor: 'validationAccuracy' },
        ...(mode === undefined ? {} : { mode }),
      });
    const [most, least] = [await search(), await search('min')];
    const xs = most.trials.map((t) => t.settings.x);
    expect(most.best?.settings.x).toBe(Math.max(...xs));
    expect(least.best?.settings.x).toBe(Math.min(...xs));
  });

  test('trials that throw or diverge are reported at the end, and do not end the search', async () => {
    const { best, trials, table } = await gridSearch(
      ({ lr }) => {
        if (lr === 1) throw new DivergenceError('the loss is NaN at step 3');
        if (lr === 2) throw new TypeError('what is this');
        return lr === 3 ? Number.POSITIVE_INFINITY : lr;
      },
      { space: { lr: [1, 2, 3, 4] } },
    );
    expect(best?.number).toBe(3);
    expect(trials.map((t) => [t.settings.lr, t.status, t.error])).toEqual([
      [4, 'done', null],
      [1, 'diverged', 'the loss is NaN at step 3'],
      [2, 'failed', 'what is this'],
      [3, 'diverged', 'validationLoss is Infinity'],
    ]);
    expect(table).toContain('failed: what is this');
    const none = await gridSearch(() => Number.NaN, { space: { lr: [1] } });
    expect(none.best).toBeNull();
  });

  test('the test set is not to be looked at', async () => {
    await expect(gridSearch(() => 1, { space: { a: [1] }, monitor: 'testAccuracy' })).rejects.toThrow(
      'no examples to test the choice with',
    );
    const { trials } = await gridSearch(() => ({ validationLoss: 1, testLoss: 1 }), { space: { a: [1] } });
    expect(trials[0].error).toContain('the trial reports testLoss: it must not look at the test set');
  });

  test('options that make no sense are told', async () => {
    const space = { lr: [1] };
    await expect(gridSearch(() => 1, { space, trails: 3 } as never)).rejects.toThrow(
      "unknown option 'trails'",
    );
    await expect(
      gridSearch(() => 1, { space: { lr: distributions.uniform(0, 1) } } as never),
    ).rejects.toThrow('space.lr is a distribution');
    await expect(gridSearch(() => 1, { space: { lr: [] } })).rejects.toThrow('space.lr must be');
    await expect(gridSearch(() => 1, {} as never)).rejects.toThrow('space must say');
    await expect(gridSearch(3 as never, { space })).rejects.toThrow('a function, or the URL');
    await expect(gridSearch(() => 1, { space, concurrency: 2 })).rejects.toThrow('export it from a module');
    await expect(gridSearch(() => 1, { space, budget: 0 })).rejects.toThrow('budget');
    await expect(randomSearch(() => 1, { space, trials: 0 })).rejects.toThrow('trials');
    await expect(successiveHalving(() => 1, { space, maxBudget: 0 })).rejects.toThrow('maxBudget');
    await expect(hyperband(() => 1, { space, maxBudget: 9, reduction: 1 })).rejects.toThrow('reduction');
    const { trials } = await gridSearch(() => ({ loss: 1 }), { space });
    expect(trials[0].error).toContain('has no validationLoss, but loss');
  });
});

describe('halving', () => {
  const space = { lr: distributions.uniform(0, 1) };
  const run =
    (calls: [number, number][]) =>
    (settings: { lr: number }, context: { number: number; budget: number }) => {
      calls.push([context.number, context.budget]);
      // Small budgets see the truth with a constant error.
      return settings.lr + 1 / context.budget;
    };

  test('the best third goes on with three times the budget', async () => {
    const calls: [number, number][] = [];
    const { best, trials } = await successiveHalving(run(calls), { space, maxBudget: 27 });
    const at = (budget: number) => calls.filter(([, b]) => b === budget).map(([n]) => n);
    expect([1, 3, 9, 27].map((b) => at(b).length)).toEqual([27, 9, 3, 1]);
    expect(calls).toHaveLength(40);
    const lr = (n: number) => sampleSpace(space, 0, n).lr as number;
    const order = [...at(1)].sort((a, b) => lr(a) - lr(b));
    expect(new Set(at(3))).toEqual(new Set(order.slice(0, 9)));
    expect(new Set(at(9))).toEqual(new Set(order.slice(0, 3)));
    expect([best?.number, best?.budget]).toEqual([order[0], 27]);
    expect(trials).toHaveLength(40);
  });

  test('those that failed do not go on, and other numbers are possible', async () => {
    const calls: [number, number][] = [];
    const count = run(calls);
    const { best } = await successiveHalving((s, c) => (c.number % 2 === 0 ? Number.NaN : count(s, c)), {
      space,
      maxBudget: 10,
      minBudget: 2,
      reduction: 2,
      trials: 8,
    });
    expect([3, 5, 10].map((b) => calls.filter(([, budget]) => budget === b).length)).toEqual([4, 4, 2]);
    expect(best?.budget).toBe(10);
  });

  test('hyperband: brackets of the paper', async () => {
    const calls: [number, number][] = [];
    const { best } = await hyperband(run(calls), { space, maxBudget: 81 });
    // Brackets s = 4 to 0, R = 81, factor 3: ceil(5 / (s + 1) 3^s) trials each begin with 3^(4 - s).
    const begun = [81, 34, 15, 8, 5];
    const seen = new Set<number>();
    const firsts = calls.filter(([n]) => !seen.has(n) && seen.add(n));
    expect([1, 3, 9, 27, 81].map((b) => firsts.filter(([, budget]) => budget === b).length)).toEqual(begun);
    expect(calls.filter(([, b]) => b === 81)).toHaveLength(1 + 1 + 1 + 2 + 5);
    expect(best?.budget).toBe(81);
  });
});

describe('in processes', () => {
  test('crashes, kills, hangs, lies and divergence are told apart, and the rest goes on', async () => {
    const kinds = ['fine', 'throws', 'exits', 'killed', 'hangs', 'diverges', 'peeks', 'empty', 'words'];
    const ended: number[] = [];
    const { best, trials } = await gridSearch<{ lr: number; kind: string[] }>(module, {
      space: { lr: 0.25, kind: kinds },
      ...{ concurrency: 3, timeout: 8 },
      onTrial: (trial) => ended.push(trial.number),
    });
    expect(best?.settings.kind).toBe('fine');
    expect(best?.metrics.validationLoss).toBe(0.0625);
    const of = (kind: string) => trials.find((t) => t.settings.kind === kind) as Trial;
    expect(of('throws').error).toBe('no good: 0.25');
    expect(of('exits').error).toBe('its process ended with code 7: the disk is full of eels');
    expect(of('killed').error).toBe('its process was ended by SIGKILL');
    expect(of('hangs').error).toBe('it took longer than 8 s, and was ended');
    expect([of('diverges').status, of('diverges').error]).toEqual(['diverged', 'validationLoss is NaN']);
    expect(of('peeks').error).toContain('must not look at the test set');
    expect(of('empty').error).toContain('has no validationLoss');
    expect(of('words').error).toBe("the trial's validationLoss must be a number, got string");
    expect(ended.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    // Each in another process, none of them this one.
    expect(best?.metrics.pid).not.toBe(process.pid);
    // They share the processors.
    const shared = Math.max(1, Math.floor(availableParallelism() / 3));
    expect(best?.metrics.threads).toBe(Number(process.env.NABLA_THREADS) || Math.min(8, shared));
  });

  test('what a trial leaves running is not waited for', async () => {
    const start = Date.now();
    const { best } = await gridSearch(module, { space: { lr: 1, kind: ['parent'] } });
    expect(best?.metrics.validationLoss).toBe(1);
    expect(Date.now() - start).toBeLessThan(5500);
  });

  test('a module that is not there, or has no such function', async () => {
    const missing = await gridSearch('file:///no/such/module.mjs', { space: { a: 1 } });
    expect(missing.trials[0].error).toContain('/no/such/module.mjs');
    const wrong = await gridSearch(module, { space: { a: 1 }, name: 'notAFunction' });
    expect(wrong.trials[0].error).toContain('exports no function notAFunction');
  });

  test('results do not depend on how many run at a time; files have them all; the next search goes on', async () => {
    const space = { lr: distributions.uniform(0, 1) };
    const plain = (trials: readonly Trial<{ lr: number }>[]) =>
      trials.map(({ number, seed, settings, metrics }) => [
        number,
        seed,
        settings.lr,
        metrics.validationLoss,
      ]);
    const folder = freshFolder();
    const one = await randomSearch(module, { space, trials: 3, seed: 7, concurrency: 1 });
    const some = await randomSearch(module, { space, trials: 3, seed: 7, concurrency: 3, folder });
    expect(plain(some.trials)).toEqual(plain(one.trials));
    const csv = readFileSync(join(folder, 'search.csv'), 'utf8');
    expect(csv).toBe(trialsToCsv(some.trials));
    expect(csv.split('\n')[0]).toMatch(/^trial,budget,status,lr,validationLoss,/);
    const calls = (n: number) => readFileSync(join(folder, `trial-000${n}`, 'calls.txt'), 'utf8');
    const onTrial: number[] = [];
    const more = await randomSearch(module, {
      space,
      trials: 5,
      seed: 7,
      folder,
      onTrial: (t) => onTrial.push(t.number),
    });
    expect(more.trials).toHaveLength(5);
    expect(onTrial.sort()).toEqual([3, 4]);
    expect([0, 1, 2, 3, 4].map(calls).join('')).toBe('1\n'.repeat(5));
    await expect(randomSearch(module, { space, trials: 5, seed: 8, folder })).rejects.toThrow(
      'another search: its seed is 7, now it is 8',
    );
    writeFileSync(join(folder, 'search.json'), '{"plan":');
    await expect(randomSearch(module, { space, folder })).rejects.toThrow('is no file of a search');
  });

  test('NaN comes back from the files', async () => {
    const folder = freshFolder();
    const search = () => gridSearch(module, { space: { lr: 1, kind: ['diverges'] }, folder });
    const first = await search();
    const again = await search();
    expect(again.trials).toEqual(first.trials);
    expect(again.trials[0].metrics.validationLoss).toBeNaN();
  });

  test('aborting ends the processes at once; what was finished stays', async () => {
    const folder = freshFolder();
    const controller = new AbortController();
    const search = (signal?: AbortSignal) =>
      gridSearch(module, {
        space: { lr: 0.5, kind: ['fine', 'waits', 'hangs'] },
        ...{ folder, concurrency: 3, timeout: 300 },
        ...(signal === undefined ? {} : { signal }),
        onTrial: () => controller.abort(),
      });
    const start = Date.now();
    await expect(search(controller.signal)).rejects.toThrow(Interrupted);
    expect(Date.now() - start).toBeLessThan(30_000);
    const { trials } = JSON.parse(readFileSync(join(folder, 'search.json'), 'utf8'));
    expect(trials.map((t: Trial) => [t.number, t.status])).toEqual([[0, 'done']]);
    await expect(search(AbortSignal.abort())).rejects.toThrow(Interrupted);
  });

  test('what the caller throws ends the search', async () => {
    const search = gridSearch(module, {
      space: { lr: [1, 2], kind: 'fine' },
      onTrial: () => {
        throw new Error('mine');
      },
    });
    await expect(search).rejects.toThrow('mine');
    await expect(
      gridSearch(module, { space: { lr: [1] }, folder: join(module.pathname, 'below a file') }),
    ).rejects.toThrow('cannot write');
  });
});
