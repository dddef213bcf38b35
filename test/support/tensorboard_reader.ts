import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/fixtures/read_events.py', import.meta.url));

/** Why TensorBoard's reader cannot be asked here, or null. */
export const readerProblem: string | null = (() => {
  const { status, error } = spawnSync('python3', ['-c', 'import tensorboard.data.provider'], {
    encoding: 'utf8',
  });
  if (error !== undefined) return 'there is no python3';
  return status === 0 ? null : 'the Python package tensorboard is missing';
})();

interface Remarks {
  readonly description: string;
  readonly displayName: string;
}

/** A precision-recall curve as the dashboard's script gets it. */
export interface ReadCurve {
  readonly step: number;
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly true_positives: readonly number[];
  readonly false_positives: readonly number[];
  readonly true_negatives: readonly number[];
  readonly false_negatives: readonly number[];
  readonly thresholds: readonly number[];
}

type Steps<T> = readonly (readonly [step: number, value: T])[];
type ByTag<T> = Readonly<Record<string, T>>;

/** What TensorBoard makes of a folder of event files: the output of scripts/fixtures/read_events.py. */
export interface ReadEvents {
  readonly warnings: readonly string[];
  readonly scalars: ByTag<Steps<number>>;
  readonly scalarTags: ByTag<Remarks>;
  readonly histograms: ByTag<Steps<readonly (readonly number[])[]>>;
  readonly distributions: ByTag<Steps<readonly (readonly number[])[]>>;
  readonly text: ByTag<Steps<string>>;
  readonly prCurves: ByTag<{ readonly thresholds: number; readonly entries: readonly ReadCurve[] }>;
  /** Blobs in base64; of images the first two are width and height. */
  readonly images: ByTag<Remarks & { readonly steps: Steps<readonly string[]> }>;
  readonly audio: ByTag<Remarks & { readonly steps: Steps<readonly string[]> }>;
  readonly audioEncodings: ByTag<number>;
  readonly graph:
    | readonly {
        readonly name: string;
        readonly op: string;
        readonly inputs: readonly string[];
        readonly shape: readonly number[];
        readonly dtype: number;
        readonly remarks: ByTag<string>;
      }[]
    | null;
  readonly hparams: {
    readonly experiment: unknown;
    readonly groups: { readonly sessionGroups: readonly unknown[] };
  } | null;
  readonly layout: unknown;
  /** Plugin and shape of every array. */
  readonly other: ByTag<readonly [plugin: string, shape: readonly number[]]>;
}

/** Has TensorBoard read a folder. */
export function readEvents(folder: string): ReadEvents {
  const { status, stdout, stderr } = spawnSync('python3', [script, folder], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`read_events.py failed: ${stderr}`);
  return JSON.parse(stdout);
}
