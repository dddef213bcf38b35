import type { Histogram } from './histogram_buckets.ts';
import { formatNumber, type Html, html } from './report_html.ts';

/** Histograms that are kept of a series. */
const capacity = 16;

/** A histogram of some time. */
export interface TimedHistogram {
  readonly epoch: number;
  readonly least: number;
  readonly most: number;
  readonly counts: readonly number[];
  readonly notFinite: number;
}

/** Histograms over time by name. Of a long training every second, fourth, ... is kept. */
export class HistogramSeries {
  series: Record<string, TimedHistogram[]> = {};
  #stride = 1;

  /** Whether the histograms of an epoch are wanted. */
  wants(epoch: number): boolean {
    return epoch % this.#stride === 0;
  }

  add(epoch: number, histograms: Readonly<Record<string, Histogram>>): void {
    for (const [name, { edges, counts, notFinite }] of Object.entries(histograms)) {
      const own = (this.series[name] ??= []);
      own.push({ epoch, least: edges[0], most: edges[edges.length - 1], counts: [...counts], notFinite });
    }
    if (Object.values(this.series).every((own) => own.length <= capacity)) return;
    this.#stride *= 2;
    for (const [name, own] of Object.entries(this.series))
      this.series[name] = own.filter((each) => each.epoch % this.#stride === 0);
  }

  /** For a page, to go on from after a resumption. */
  stored(): StoredHistograms {
    return { stride: this.#stride, series: this.series };
  }

  /** Puts back what was stored, up to an epoch. */
  restore({ stride, series }: StoredHistograms, last: number): void {
    this.#stride = stride;
    this.series = Object.fromEntries(
      Object.entries(series).map(([name, own]) => [name, own.filter(({ epoch }) => epoch <= last)]),
    );
  }
}

/** A {@link HistogramSeries} as JSON. */
export interface StoredHistograms {
  readonly stride: number;
  readonly series: Readonly<Record<string, readonly TimedHistogram[]>>;
}

const [width, height] = [300, 170];
const [side, top, bottom] = [12, 26, 22];

/** Histograms over time as mountains one behind the other, the newest in front. */
export function ridges(name: string, all: readonly TimedHistogram[]): Html {
  const least = Math.min(...all.map((each) => each.least));
  const most = Math.max(...all.map((each) => each.most));
  const range = most > least ? most - least : 1;
  const inner = width - 2 * side;
  const x = (value: number) => side + (most > least ? (inner * (value - least)) / range : inner / 2);
  // As densities: the width of the parts differs from time to time.
  const density = ({ counts, ...own }: TimedHistogram): number[] => {
    const part = Math.max((own.most - own.least) / counts.length, range / 200);
    return counts.map((count) => count / part);
  };
  // One that is much narrower than the others must not make them flat: it is cut off.
  const peaks = all.map((own) => Math.max(...density(own))).sort((a, b) => a - b);
  const highest = Math.min(peaks[peaks.length - 1], 2.5 * peaks[Math.floor((peaks.length - 1) / 2)]) || 1;
  const shift = all.length > 1 ? (height - top - bottom - 52) / (all.length - 1) : 0;
  const shapes = all.map((own, i) => {
    const base = height - bottom - shift * (all.length - 1 - i);
    const part = (own.most - own.least) / own.counts.length;
    const points = density(own).map(
      (value, j) =>
        `${x(own.least + part * (j + 0.5)).toFixed(1)},${(base - (56 * Math.min(value, highest)) / highest).toFixed(1)}`,
    );
    const [start, end] = [x(own.least).toFixed(1), x(own.most).toFixed(1)];
    const share = all.length > 1 ? i / (all.length - 1) : 1;
    return html`<path style="--age:${share.toFixed(2)}" d="M${start},${base.toFixed(1)} L${points.join(' L')} L${end},${base.toFixed(1)}Z"><title>epoch ${own.epoch}: ${formatNumber(own.least)} to ${formatNumber(own.most)}</title></path>`;
  });
  const last = all[all.length - 1];
  const words = `${name} over ${all.length} epochs; at the end from ${formatNumber(last.least)} to ${formatNumber(last.most)}`;
  return html`<svg class="ridges" viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}"><title>${words}</title><text class="head" x="${side}" y="16">${name}</text>${shapes}<g class="axis"><text x="${side}" y="${height - 6}">${formatNumber(least)}</text><text class="end" x="${width - side}" y="${height - 6}">${formatNumber(most)}</text>${
    least < 0 &&
    most > 0 &&
    html`<line x1="${x(0).toFixed(1)}" x2="${x(0).toFixed(1)}" y1="${top}" y2="${height - bottom + 4}"/>`
  }</g></svg>${last.notFinite > 0 && html`<p class="warning">${name}: ${last.notFinite} values are not finite</p>`}`;
}
