/** Training: `import { fit, progress } from 'nabla/train'`. */

export { filterPictures, gridOf, picturesOf } from './array_pictures.ts';
export type { Callback, Direction, Logs, NotFinite, Run, StepReport } from './callback.ts';
export {
  restoreCheckpoint,
  restoreState,
  type Saveable,
  saveCheckpoint,
  saveState,
} from './checkpoint.ts';
export {
  type CheckpointEntry,
  type CheckpointOptions,
  checkpoints,
  type Interval,
  loadBest,
} from './checkpoints.ts';
export { type Classified, classify, worstMistakes } from './classify.ts';
export { type Comparison, type ComparisonOptions, compareTrainings } from './compare.ts';
export {
  type Beginning,
  type Build,
  type CrossValidation,
  type CrossValidationOptions,
  crossValidate,
  type LearningCurveOptions,
  type LearningPoint,
  learningCurve,
  type MakeBatches,
  type TrainingOptions,
  type Turn,
  type TurnResult,
} from './cross_validation.ts';
export { csvLog, jsonLog } from './csv_log.ts';
export type { Data, LabelledArrays } from './data_forms.ts';
export { type EarlyStoppingOptions, earlyStopping } from './early_stopping.ts';
export { DivergenceError, Interrupted } from './errors.ts';
export {
  type Batches,
  type BatchFunction,
  type EvaluateOptions,
  evaluate,
  type OutputsOf,
  type PredictOptions,
  predict,
} from './evaluate.ts';
export { EventWriter, type EventWriterOptions } from './events.ts';
export { fit } from './fit.ts';
export type { FitOptions } from './fit_options.ts';
export { type Histogram, histogramOf, type Numbers } from './histogram_buckets.ts';
export type { ExperimentOptions, Hyperparameters, TrialStatus } from './hyperparameters.ts';
export { lambdaCallback } from './lambda_callback.ts';
export { learningRate } from './learning_rate.ts';
export { learningRateCurve, type RateCurveOptions } from './learning_rate_curve.ts';
export type { MetricFunction, MetricKind, Metrics, Results, StreamingMetric } from './measures.ts';
export { modelGraph } from './model_graph.ts';
export { type NanGuardOptions, nanGuard } from './nan_guard.ts';
export type { ClassWeights, Loss, LossFunction, LossObject, ObjectiveOptions } from './objective.ts';
export { drawImages, type PictureStyle, pictureStyle } from './pictures.ts';
export { type PrintPredictionsOptions, printPredictions } from './print_predictions.ts';
export { type Probe, probe } from './probe.ts';
export { type ProgressOptions, type ProgressStream, progress } from './progress.ts';
export { datasetReport, type Report, type ReportOptions, report } from './report.ts';
export { type ClassReport, classReport, type ShownExample } from './report_classes.ts';
export { type Environment, environmentHere } from './report_environment.ts';
export type { LabelReport, RegressionReport } from './report_numbers.ts';
export type { TestReport } from './report_page.ts';

export { learningRateSchedule, type PlateauOptions, reduceOnPlateau } from './schedule_callbacks.ts';
export * from './search/index.ts';

export { smooth } from './smoothing.ts';

export type { Part, State } from './state.ts';
export type { ChartGroup, DataClass, PluginMetadata, SummaryOptions, TextContent } from './summaries.ts';
export {
  type HistogramKind,
  type PictureKind,
  type TensorBoardOptions,
  tensorBoard,
} from './tensorboard.ts';
export { type TimeLimitOptions, timeLimit } from './time_limit.ts';
export type { History } from './training.ts';
export { type AverageWeightsOptions, averageWeights } from './weight_average.ts';
