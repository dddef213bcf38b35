import type { Logs } from '../callback.ts';
import type { Setting } from './distributions.ts';

/** What a trial is told besides its settings. */
export interface TrialContext {
  /** Number of the trial, from 0 on. */
  readonly number: number;
  /** For `random.seed` and loaders: a function of the search's seed and the number. */
  readonly seed: number;
  /** What it may spend, such as epochs. Halving calls the same trial again with a larger one. */
  readonly budget: number;
  /** A folder of its own, the same for all budgets: with checkpoints in it a later call goes on where the earlier one ended. Null if the search has none. */
  readonly folder: string | null;
  /** Aborted when the search is; a process of its own is just ended. */
  readonly signal: AbortSignal;
}

/** What a trial measured: numbers by name, or the monitored one alone. */
export type Measured = Logs | number;

/** Trains and validates with given settings. It must not look at the test set. */
export type TrialFunction<Settings = Readonly<Record<string, Setting>>> = (
  settings: Settings,
  context: TrialContext,
) => Measured | Promise<Measured>;

/** A trial that has ended. */
export interface Trial<Settings = Readonly<Record<string, Setting>>> {
  readonly number: number;
  readonly settings: Settings;
  readonly seed: number;
  readonly budget: number;
  /** `diverged`: what is monitored is NaN or infinite; `failed`: it threw, was killed, or took too long. */
  readonly status: 'done' | 'diverged' | 'failed';
  /** All that it measured. */
  readonly metrics: Logs;
  /** Why it failed. */
  readonly error: string | null;
  readonly seconds: number;
}

/** A trial that is to run. */
export interface Job {
  readonly number: number;
  readonly settings: Readonly<Record<string, Setting>>;
  readonly seed: number;
  readonly budget: number;
}
