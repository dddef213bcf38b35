import type { Node } from '../graph/node.ts';
import type { Storage } from './storage.ts';

/**
 * A graph made ready to run again and again: values for its inputs in, values of its outputs out.
 */
export interface Program {
  /**
   * @param inputs one storage per input node, in the order given at compilation
   * @param into for each output a storage of the device that its value is to be written to, or nothing for a new one
   */
  run(inputs: readonly Storage[], into?: readonly (Storage | undefined)[]): Storage[];
}

/** What a program is compiled from. */
export interface ProgramSource {
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
  /** For each output the position of an input that it replaces (a variable's new content), or -1. */
  readonly donations: readonly number[];
}

/**
 * Makes a program of a graph.
 *
 * @param times how often a run of the whole executes it, for the choice of a tier
 */
export type BuildProgram = (source: ProgramSource, times: number) => Program;
