import { seed as seedDefault } from '../core/random.ts';
import type { Build, TrainingOptions } from './cross_validation.ts';
import type { Data } from './data_forms.ts';
import { fit } from './fit.ts';
import type { History } from './training.ts';

/** Options of {@link compareTrainings}: those of {@link fit}, and the data of all trainings. */
export interface ComparisonOptions extends TrainingOptions {
  /** Made anew for each training, so that all see the same batches. */
  readonly data: () => Data;
  /** The same for validation. Default none. */
  readonly validation?: () => Data;
  /** Default 0. */
  readonly seed?: number;
}

/** Trainings side by side. */
export interface Comparison {
  /** How each went, by name. */
  readonly histories: Readonly<Record<string, History>>;
  /** A line for each epoch, a column for each training. */
  table(quantity?: string): string;
}

/**
 * Trains from the same first weights and with the same batches in several ways, such as by different optimizers:
 *
 * ```ts
 * const { table } = await compareTrainings(
 *   { SGD: () => begin((model) => new optim.SGD(model, { lr: 1e-3 })), Adam: () => begin((model) => new optim.Adam(model)) },
 *   { data: () => loader(train, { shuffle: true }), loss: nn.crossEntropy, epochs: 5 },
 * );
 * console.log(table('loss'));
 * ```
 *
 * @throws what `fit` throws
 */
export async function compareTrainings(
  builds: Readonly<Record<string, Build>>,
  options: ComparisonOptions,
): Promise<Comparison> {
  const { data, validation, seed = 0, ...training } = options;
  const histories: Record<string, History> = {};
  for (const [number, [name, build]] of Object.entries(builds).entries()) {
    seedDefault(seed);
    const { model, optimizer, callbacks = [] } = build({ number, seed });
    histories[name] = await fit(model, {
      ...training,
      data: data(),
      ...(validation === undefined ? {} : { validation: validation() }),
      ...{ optimizer, callbacks },
    });
  }
  return { histories, table: (quantity = 'loss') => tableOf(histories, quantity) };
}

function tableOf(histories: Readonly<Record<string, History>>, quantity: string): string {
  const names = Object.keys(histories);
  const epochs = Math.max(0, ...names.map((name) => histories[name].epochs.length));
  const cell = (name: string, epoch: number): string => {
    const value = histories[name].epochs[epoch]?.[quantity];
    return value === undefined ? '-' : value.toFixed(4);
  };
  const rows = [
    ['epoch', ...names],
    ...Array.from({ length: epochs }, (_, i) => [String(i + 1), ...names.map((name) => cell(name, i))]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((text, i) => text.padStart(widths[i])).join('  ')).join('\n');
}
