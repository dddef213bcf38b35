import type { Augmentation } from '../data/augment.ts';
import type { Layer } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { BatchFunction } from '../train/evaluate.ts';
import type { Part } from './samples.ts';
import type { AnyValues, Settings } from './settings.ts';
import type { TaskName } from './tasks.ts';

/** What a user can choose about every training. */
export interface RecipeSettings {
  /** Passes over the training set. */
  epochs: number;
  /** Examples per step. */
  batchSize: number;
  /** Learning rate. */
  lr: number;
  /** Of the parameters' first values, of dropout and of the order of the examples. */
  seed: number;
}

/** What a recipe trains on. */
export interface RecipeData {
  readonly train: Part;
  /** Watched during the training. Default: the test set. */
  readonly validation?: Part;
  readonly test: Part;
}

/** Where a recipe writes what it has to show. */
export interface Page {
  /** A line, or several. */
  print(text?: string): void;
  /** Characters that fit in a line. */
  readonly columns: number;
  /** Aborted by Ctrl-C. */
  readonly signal?: AbortSignal;
}

/** What trainings and demonstrations have in common. */
interface Named {
  /** As users type it. */
  readonly name: string;
  /** One line for `nabla list`. */
  readonly summary: string;
  /** What users can choose besides. Default nothing. */
  readonly settings?: Settings;
}

/**
 * A system that can be trained by name: `nabla train lenet5`. `own` are the values of the recipe's own `settings`.
 */
export interface TrainingRecipe<Own extends AnyValues = AnyValues> extends Named {
  /**
   * Settings for what the user leaves open.
   *
   * @param dir the folder of data that the user named, if any
   */
  defaults(dir: string | undefined, own: Own): RecipeSettings;
  /**
   * Training and test set: from files in the folder, generated where there is none.
   *
   * @throws DataError if they cannot be read
   */
  data(dir: string | undefined, own: Own): Promise<RecipeData>;
  /** What the folder of data must hold, such as `mnist/`. Absent: the data is always generated. */
  readonly files?: string;
  /** Fetches those files into a folder, unless they are there. Absent: there is no known address. */
  download?(
    dir: string,
    options?: {
      readonly signal?: AbortSignal;
      readonly onFile?: (name: string, bytes: number) => void;
    },
  ): Promise<void>;
  /** The untrained model; draws its first parameters from the default generator. */
  model(own: Own): Layer;
  optimizer(model: Layer, lr: number, own: Own): Optimizer;
  /**
   * The learning rate after a share of the training, from 0 to below 1, of one that begins with `lr`. Absent: it stays.
   */
  rate?(lr: number, done: number): number;
  /** What is predicted, which decides on loss, metrics and report. Default `multiclass`. */
  task?(own: Own): TaskName;
  /** Another loss than that of the task. */
  loss?(own: Own): BatchFunction;
  /** What becomes of the pictures of the training set in each epoch. */
  readonly augment?: Augmentation;
  /** What else there is to show of a trained model, which is in evaluation mode. */
  show?(model: Layer, page: Page, own: Own): void | Promise<void>;
}

/** A recipe that computes something and shows it; there is no model to keep. */
export interface Demonstration<Own extends AnyValues = AnyValues> extends Named {
  demonstrate(own: Own, page: Page): void | Promise<void>;
}

/** What `nabla train` can run. */
export type Recipe = TrainingRecipe | Demonstration;

/** Whether a recipe has nothing to train. */
export const isDemonstration = (recipe: Recipe): recipe is Demonstration => 'demonstrate' in recipe;
