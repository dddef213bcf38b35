/**
 * Measures of how good a model is: `import { accuracy, F1 } from 'nabla/metrics'`. Classes take in batch after batch, functions everything at once;
 * both take outputs first, then targets, as losses do (except `confusionMatrix`).
 */

export {
  Accuracy,
  type AccuracyOptions,
  accuracy,
  TopKAccuracy,
  type TopKOptions,
  topKAccuracy,
} from './accuracy.ts';
export {
  BalancedAccuracy,
  type BalancedAccuracyOptions,
  balancedAccuracy,
  CohenKappa,
  cohenKappa,
  HammingLoss,
  type HammingOptions,
  hammingLoss,
  type KappaOptions,
  MatthewsCorrelation,
  type MatthewsOptions,
  matthewsCorrelation,
} from './agreement.ts';
export { Bleu, type BleuOptions, bleu } from './bleu.ts';
export { boxIou } from './boxes.ts';
export {
  CalibrationCurve,
  CalibrationError,
  type CalibrationErrorOptions,
  type CalibrationOptions,
  type CalibrationPoints,
  calibrationCurve,
  calibrationError,
} from './calibration.ts';
export { ClassCounts, type Count, type CountOptions } from './class_counts.ts';
export { correctByClass, formatPredictions } from './class_report.ts';
export {
  type ConfusionFunctionOptions,
  ConfusionMatrix,
  type ConfusionOptions,
  confusionMatrix,
  formatConfusion,
  type Normalization,
} from './confusion.ts';
export {
  PearsonCorrelation,
  pearsonCorrelation,
  SpearmanCorrelation,
  spearmanCorrelation,
} from './correlation.ts';
export {
  type DetectionOptions,
  type DetectionScores,
  type Detections,
  type GroundTruth,
  MeanAveragePrecision,
} from './detection.ts';
export {
  CharacterErrorRate,
  characterErrorRate,
  editDistance,
  WordErrorRate,
  wordErrorRate,
} from './edit_distance.ts';
export { Mean } from './mean.ts';
export { Metric, type UpdateOptions } from './metric.ts';
export { Perplexity, type PerplexityOptions, perplexity } from './perplexity.ts';
export {
  type Average,
  type Averaged,
  Dice,
  dice,
  F1,
  FBeta,
  type FBetaOptions,
  f1,
  fBeta,
  Jaccard,
  jaccard,
  Precision,
  type PrecisionFunctionOptions,
  type PrecisionOptions,
  precision,
  Recall,
  recall,
  Specificity,
  specificity,
} from './precision.ts';
export {
  AveragePrecision,
  type AveragePrecisionOptions,
  averagePrecision,
  PrecisionRecallCurve,
  type PrecisionRecallOptions,
  type PrecisionRecallPoints,
  precisionRecallCurve,
} from './precision_recall_curve.ts';
export { type BrierOptions, BrierScore, brierScore, LogLoss, logLoss } from './probabilities.ts';
export {
  ExplainedVariance,
  explainedVariance,
  MaxError,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanSquaredError,
  MeanSquaredLogError,
  MedianAbsoluteError,
  maxError,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogError,
  medianAbsoluteError,
  type Outputs,
  R2,
  type RegressionFunctionOptions,
  type RegressionOptions,
  RootMeanSquaredError,
  r2,
  rootMeanSquaredError,
} from './regression.ts';
export {
  auc,
  RocAuc,
  type RocAucOptions,
  RocCurve,
  type RocCurveOptions,
  type RocPoints,
  rocAuc,
  rocCurve,
} from './roc.ts';
export { RougeL, type RougeScores, rougeL } from './rouge.ts';
export { type ScoreAverage, ScoredMetric } from './scored.ts';
export {
  Segmentation,
  type SegmentationOptions,
  type SegmentationScores,
  segmentation,
} from './segmentation.ts';
export type { Sentence } from './sentences.ts';
export { formatThresholds, type ThresholdRow, thresholdTable } from './thresholds.ts';
export type { ClassOptions, Values } from './values.ts';
