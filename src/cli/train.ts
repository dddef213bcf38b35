import { resolve } from 'node:path';
import { seed } from '../core/random.ts';
import { removeTemporaries } from '../io/atomic.ts';
import { save } from '../io/save.ts';
import { batches, isDemonstration, isImages, measuresOf } from '../recipes/index.ts';
import { checkpoints } from '../train/checkpoints.ts';
import { csvLog } from '../train/csv_log.ts';
import { Interrupted } from '../train/errors.ts';
import { fit } from '../train/fit.ts';
import type { Hyperparameters } from '../train/hyperparameters.ts';
import { learningRate } from '../train/learning_rate.ts';
import { progress } from '../train/progress.ts';
import { report } from '../train/report.ts';
import { tensorBoard } from '../train/tensorboard.ts';
import { demonstrateCommand } from './demonstrate.ts';
import { intervalOf } from './interval.ts';
import { evaluationBatch, reportRecipe } from './report.ts';
import {
  findRecipe,
  folderToResume,
  type GivenSettings,
  newConfig,
  newFolder,
  readConfig,
  resumedConfig,
  runFiles,
  writeConfig,
} from './run_folder.ts';
import { print, type Terminal } from './terminal.ts';
import { version } from './version.ts';

/** Options of `nabla train`. */
export interface TrainFlags extends GivenSettings {
  out?: string;
  resume?: boolean;
  /** How often checkpoints are written, such as `500steps`. */
  checkpointEvery?: string;
  /** Fetches what is missing of the data. */
  download?: boolean;
}

/** Where data goes that is fetched, if nothing else is said. */
const usualData = 'data';
/** Examples whose outputs are watched during the training. */
const sampleSize = 128;
/** Histograms over time that a run has at most in TensorBoard. */
const mostDetails = 50;

/**
 * `nabla train <recipe>`: trains it, tests it, and leaves model, checkpoints, logs and configuration in a run folder.
 *
 * @throws errors of usage, of data, of the disk, and of the training; each with a message of one line
 */
export async function trainCommand(recipeName: string, flags: TrainFlags, terminal: Terminal): Promise<void> {
  const recipe = findRecipe(recipeName);
  if (isDemonstration(recipe)) return demonstrateCommand(recipe, flags, terminal);
  const { rate } = recipe;
  const { out, resume = false, download = false, checkpointEvery, ...settings } = flags;
  const dir = settings.data ?? (download ? usualData : undefined);
  // Where a run is resumed from may not be where it was started.
  const given: GivenSettings = dir === undefined ? settings : { ...settings, data: resolve(dir) };
  const resumed = resume ? folderToResume(recipe.name, out) : null;
  const config = {
    ...(resumed === null
      ? newConfig(recipe, given)
      : resumedConfig(resumed, await readConfig(resumed), recipe.name, given)),
    ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
  };
  const own = config.settings ?? {};
  if (download && config.data !== null)
    await recipe.download?.(config.data, {
      signal: terminal.signal,
      onFile: (name, bytes) => print(terminal, `fetching ${name}, ${(bytes / 1e6).toFixed(1)} MB`),
    });
  const { train, test, validation = test } = await recipe.data(config.data ?? undefined, own);
  const { loss, metrics } = measuresOf(recipe, own);
  await turn(terminal.signal);
  const folder = resumed ?? newFolder(recipe.name, out);
  const files = runFiles(folder);
  await removeTemporaries(folder);
  await writeConfig(folder, config);
  try {
    seed(config.seed);
    const model = recipe.model(own);
    const count = model.namedParameters().reduce((sum, [, p]) => sum + p.shape.reduce((n, m) => n * m, 1), 0);
    const number = (n: number) => n.toLocaleString('en-US');
    if (resume && resumed === null) print(terminal, 'there is no run to resume: starting anew');
    print(
      terminal,
      `${recipe.name}: ${number(count)} parameters; ${number(train.count)} training and ${number(test.count)} test ${isImages(test) ? 'images' : 'examples'}; ${folder}`,
    );
    const { settings: ownSettings = {}, ...general } = config;
    const shown = { ...general, ...ownSettings };
    const [[sample]] = batches(validation, { batchSize: sampleSize });
    const page = report(files.report, {
      title: recipe.name,
      subtitle: recipe.summary,
      settings: shown,
      environment: { nabla: version },
      sample,
    });
    await fit(model, {
      data: batches(train, {
        batchSize: config.batchSize,
        shuffle: true,
        seed: config.seed,
        ...(recipe.augment === undefined ? {} : { augment: recipe.augment }),
      }),
      validation: batches(validation, { batchSize: evaluationBatch }),
      loss,
      optimizer: recipe.optimizer(model, config.lr, own),
      epochs: config.epochs,
      metrics,
      callbacks: [
        progress({ stream: terminal.stdout }),
        ...(rate === undefined ? [] : [learningRate((done) => rate(config.lr, done))]),
        tensorBoard(folder, {
          sample,
          histograms: ['parameters', 'outputs'],
          detailsEvery: Math.ceil(config.epochs / mostDetails),
          hparams: hyperparametersOf(shown),
        }),
        csvLog(files.metrics),
        page,
        checkpoints(files.checkpoints, {
          resume: true,
          every: intervalOf(config.checkpointEvery),
          warn: (message) => void terminal.stderr.write(`nabla: ${message}\n`),
        }),
      ],
      signal: terminal.signal,
    });
    await save(model, files.model);
    print(terminal);
    page.show(await reportRecipe(recipe, own, model, test, terminal));
    await page.write();
    print(terminal);
    print(
      terminal,
      `files of this run: ${folder}  (${files.report}; nabla eval ${folder}; tensorboard --logdir ${folder})`,
    );
  } catch (error) {
    if (error instanceof Interrupted)
      throw new Interrupted(`interrupted; go on with: nabla train ${recipe.name} --out ${folder} --resume`);
    throw error;
  }
}

/** Those settings that a HParams dashboard can compare. */
const hyperparametersOf = (settings: Readonly<Record<string, unknown>>): Hyperparameters =>
  Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string | number | boolean] =>
      ['string', 'number', 'boolean'].includes(typeof entry[1]),
    ),
  );

/** Lets a Ctrl-C that came during long synchronous work be noticed. */
async function turn(signal: AbortSignal): Promise<void> {
  await new Promise((done) => setImmediate(done));
  if (signal.aborted) throw new Interrupted('interrupted before the training started; no files were written');
}
