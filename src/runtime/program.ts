import type { Node } from '../graph/node.ts';
import type { Storage } from './storage.ts';

/**
 * A graph made ready to run again and again: values for its inputs in, values of its outputs out.
 */
export interface Program {
  /**
   * @param inputs one storage per input node, in the order given at compilation
   * @param donated for each output the input whose storage it may overwrite, or null for a new storage
   */
  run(inputs: readonly Storage[]): Storage[];
}

/** What a program is compiled from. */
export interface ProgramSource {
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
  /** For each output the position of an input that it replaces (a variable's new content), or -1. */
  readonly donations: readonly number[];
}
