import type { Node } from '../graph/node.ts';
import type { Kernel, LoopKernel } from './kernel.ts';
import { workOf } from './lower/work.ts';
import { readsOf, writesOf } from './plan.ts';

/**
 * Small updates of state, such as an optimizer's for biases and the scales of normalizations, in one kernel at the end of the program:
 * threads share them one by one, where each alone would be too small to share and cost a meeting of all threads.
 */

/** Simple operations below which an update is small. */
const smallWork = 131072;
const mostMembers = 32;

/**
 * @param isState outputs of the program that take the place of an input
 */
export function joinUpdates(kernels: readonly Kernel[], isState: (node: Node) => boolean): readonly Kernel[] {
  const read = new Set(kernels.flatMap((kernel) => [...readsOf(kernel).keys()]));
  const isSmallUpdate = (kernel: Kernel): kernel is LoopKernel =>
    kernel.kind === 'loops' &&
    workOf(kernel) < smallWork &&
    writesOf(kernel).every((node) => isState(node) && !read.has(node));
  const members = kernels.filter(isSmallUpdate);
  if (members.length < 2) return kernels;
  const joined: Kernel[] = kernels.filter((kernel) => !isSmallUpdate(kernel));
  for (let i = 0; i < members.length; i += mostMembers)
    joined.push({ kind: 'updates', name: 'updates', members: members.slice(i, i + mostMembers) });
  return joined;
}
