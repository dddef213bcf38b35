import { nodeModule } from '../runtime/node_modules.ts';
import type { StoredHistograms } from './report_histograms.ts';
import { Html } from './report_html.ts';
import type { StoredSeries } from './report_series.ts';

/** What a report keeps in its page, so that a resumed training can go on with it: as data, which no browser runs. */
export interface Stored {
  readonly format: typeof format;
  readonly steps: StoredSeries;
  readonly histograms: StoredHistograms;
  /** Steps that were done at the end of each epoch. */
  readonly ends: readonly number[];
  readonly seconds: number;
  readonly examples: number;
  /** When the training began, in ISO 8601. */
  readonly began: string;
}

const format = 'nabla report 1';
const [before, after] = ['<script type="application/json" id="kept">', '</script>'];

/** The block of a page that holds them. */
export const storedBlock = (stored: Omit<Stored, 'format'>): Html =>
  // What ends the block, or looks like a comment, must not occur in it.
  new Html(before + JSON.stringify({ format, ...stored }).replaceAll('<', '\\u003c') + after);

/** What a page holds; null if there is none, or it is of another kind or damaged. */
export function storedIn(path: string): Stored | null {
  const { existsSync, readFileSync } = nodeModule('node:fs', 'report');
  try {
    if (!existsSync(path)) return null;
    const page = readFileSync(path, 'utf8');
    const start = page.indexOf(before);
    const end = page.indexOf(after, start);
    if (start < 0 || end < 0) return null;
    const stored = JSON.parse(page.slice(start + before.length, end));
    return stored.format === format ? stored : null;
  } catch {
    // The curves begin anew: no reason not to train.
    return null;
  }
}
