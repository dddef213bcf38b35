/** Search of hyperparameters. */

export type { Distribution, Setting, SettingsOf, Space } from './distributions.ts';
export * as distributions from './distributions.ts';
export { type HalvingOptions, type HyperbandOptions, hyperband, successiveHalving } from './halving.ts';
export { formatTrials, trialsToCsv } from './results.ts';
export type { SearchOptions, SearchResult } from './runner.ts';
export { type GridSearchOptions, gridSearch, type RandomSearchOptions, randomSearch } from './search.ts';
export type { Measured, Trial, TrialContext, TrialFunction } from './trial.ts';
