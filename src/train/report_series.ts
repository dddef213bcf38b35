import type { Logs } from './callback.ts';

/** Seven digits, as many as float32 has. */
const rounded = (value: number): number => Number(value.toPrecision(7));

/** Points that a series keeps at most. */
const capacity = 4096;

/**
 * Values of single steps, by name: each point is the mean of as many steps as have gone by for all of a long training to fit into a few thousand
 * points (1, 2, 4, ...).
 */
export class StepSeries {
  /** The last step of each point. */
  steps: number[] = [];
  values: Record<string, number[]> = {};
  #stride = 1;
  #sums: Record<string, number> = {};
  #count = 0;

  add(step: number, logs: Logs): void {
    for (const [name, value] of Object.entries(logs)) this.#sums[name] = (this.#sums[name] ?? 0) + value;
    if (++this.#count < this.#stride) return;
    for (const name of Object.keys(this.#sums))
      this.values[name] ??= new Array<number>(this.steps.length).fill(Number.NaN);
    for (const [name, series] of Object.entries(this.values))
      series.push((this.#sums[name] ?? Number.NaN) / this.#count);
    this.steps.push(step);
    this.#sums = {};
    this.#count = 0;
    if (this.steps.length >= capacity) this.#halve();
  }

  /** Joins points by twos. */
  #halve(): void {
    const pairs = Math.floor(this.steps.length / 2);
    this.steps = Array.from({ length: pairs }, (_, i) => this.steps[2 * i + 1]);
    for (const [name, series] of Object.entries(this.values))
      this.values[name] = Array.from({ length: pairs }, (_, i) => (series[2 * i] + series[2 * i + 1]) / 2);
    this.#stride *= 2;
  }

  /** For a page, to go on from after a resumption. */
  stored(): StoredSeries {
    const values = Object.fromEntries(
      Object.entries(this.values).map(([name, series]) => [name, series.map(rounded)]),
    );
    return { steps: this.steps, values, stride: this.#stride };
  }

  /** Puts back what was stored, up to a step. */
  restore({ steps, values, stride }: StoredSeries, last: number): void {
    const known = steps.filter((step) => step <= last).length;
    this.steps = steps.slice(0, known);
    // JSON writes NaN as null.
    this.values = Object.fromEntries(
      Object.entries(values).map(([name, series]) => [
        name,
        series.slice(0, known).map((value) => value ?? Number.NaN),
      ]),
    );
    this.#stride = stride;
  }
}

/** A {@link StepSeries} as JSON. */
export interface StoredSeries {
  readonly steps: readonly number[];
  readonly values: Readonly<Record<string, readonly (number | null)[]>>;
  readonly stride: number;
}
