import type { Node } from '../../graph/node.ts';
import type { Buffer, Statement } from '../ir.ts';
import { binary, indexValue, scaleIndex } from '../ir_build.ts';
import type { Target } from '../target.ts';
import { chunksOf, type KernelBody } from './chunks.ts';
import { Emitter } from './emit.ts';
import { packPanels } from './pack.ts';
import { forSumBlocks, whole } from './sum_blocks.ts';
import { product, roundUp, type TilePlan } from './tile_plan.ts';

/**
 * The columns of a product, packed once for all that use them: the chunks of a product whose rows threads share, or several products
 * with one matrix, as the steps of a recurrent layer are. Blocks of the sum lie one after the other, in each the
 * panels of all columns.
 */

/** Elements of all panels; packing may write up to a vector past the end. */
export const packedElements = (plan: TilePlan, { lanes }: Target): number =>
  roundUp(plan.columns, plan.tileVectors * lanes) * product(plan.kernel.k) + lanes;

export function lowerPack(
  plan: TilePlan,
  bufferOf: (node: Node) => Buffer,
  into: Buffer,
  target: Target,
): KernelBody {
  const { kernel, columns, tileVectors } = plan;
  const { lanes, chunkWork } = target;
  const width = lanes * tileVectors;
  const body: Statement[] = [];
  const emitter = new Emitter(bufferOf, body);
  const chunks = chunksOf(columns, width, 2 * columns * product(kernel.k), chunkWork);
  const { begin, end } = chunks ?? whole(columns);
  forSumBlocks(emitter, plan, (packing, before) => {
    const start = binary(
      'add',
      indexValue(scaleIndex(before, roundUp(columns, width))),
      binary('mul', begin, packing.length),
    );
    packPanels(emitter, {
      operand: kernel.b,
      axes: kernel.n,
      total: columns,
      from: begin,
      to: end,
      width,
      into,
      start,
      packing,
      lanes,
    });
  });
  return chunks === null ? { body } : { body, chunks };
}
