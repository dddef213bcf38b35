import type { Dataset } from '../data/dataset.ts';
import { loader } from '../data/loader.ts';
import { confusionMatrix, formatConfusion } from '../metrics/confusion.ts';
import type { Layer } from '../nn/module.ts';
import { type AnyValues, isImages, measuresOf, type Part, type TrainingRecipe } from '../recipes/index.ts';
import { classify, worstMistakes } from '../train/classify.ts';
import { drawImages, pictureStyle } from '../train/pictures.ts';
import { datasetReport } from '../train/report.ts';
import type { ClassReport } from '../train/report_classes.ts';
import type { TestReport } from '../train/report_page.ts';
import { pageOf } from './demonstrate.ts';
import { reportRows } from './report_rows.ts';
import { print, type Terminal } from './terminal.ts';

/** Examples per batch of an evaluation. */
export const evaluationBatch = 500;
/** How many mistakes are drawn. */
const mistakesShown = 6;

/**
 * Tests the model of a recipe and prints how good it is, then what the recipe has to show of it.
 *
 * @returns the same for report.html
 */
export async function reportRecipe(
  recipe: TrainingRecipe,
  own: AnyValues,
  model: Layer,
  test: Part,
  terminal: Terminal,
): Promise<TestReport> {
  const results = isImages(test)
    ? await reportTest(model, test, terminal)
    : await reportRows(model, test, measuresOf(recipe, own), evaluationBatch, terminal);
  const restoreModes = model.evalForNow();
  try {
    await recipe.show?.(model, pageOf(terminal), own);
  } finally {
    restoreModes();
  }
  return results;
}

/** Applies a classifier to a test set and prints its accuracy, its confusion matrix and pictures of its worst mistakes. */
export async function reportTest(model: Layer, test: Dataset, terminal: Terminal): Promise<ClassReport> {
  const data = loader(test, { batchSize: evaluationBatch });
  const result = await classify(model, data, terminal.signal);
  const { labels, predictions, losses } = result;
  const right = labels.filter((label, i) => label === predictions[i]).length;
  print(terminal, `test accuracy ${(right / labels.length).toFixed(4)}`);
  print(terminal, `test loss ${(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toFixed(4)}`);
  print(terminal);
  print(terminal, formatConfusion(confusionMatrix(labels, predictions, test.classes)));
  const report = datasetReport(result, test);
  const worst = worstMistakes(result, mistakesShown);
  if (worst.length === 0) return report;
  const [height, width, channels] = test.shape;
  if (channels !== 1) return report;
  print(terminal);
  print(terminal, `the worst of ${labels.length - right} mistakes:`);
  const size = height * width;
  const pictures = drawImages(
    worst.map((i) => test.images.subarray(i * size, (i + 1) * size)),
    { height, width },
    worst.map((i) => `${labels[i]}, taken for ${predictions[i]}`),
    { style: pictureStyle(terminal.stdout, terminal.env), columns: terminal.stdout.columns ?? 100 },
  );
  print(terminal, pictures);
  return report;
}
