import { describe, expect, test } from 'vitest';
import type { CompiledProgram } from '../../src/compiler/compile.ts';
import { jit, random, type Tensor, valueAndGrad } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { watchCompilations } from '../../src/runtime/evaluate.ts';

class LeNet5 extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(400, 120);
  fc2 = new nn.Linear(120, 84);
  fc3 = new nn.Linear(84, 10);
  forward(x: Tensor) {
    x = nn.maxPool2d(this.conv1.forward(x).relu(), 2);
    x = nn.maxPool2d(this.conv2.forward(x).relu(), 2).flatten(1);
    return this.fc3.forward(this.fc2.forward(this.fc1.forward(x).relu()).relu());
  }
}

/** The program that one training step with Adam compiles to. */
function trainingStep(batch: number): CompiledProgram {
  const model = new LeNet5();
  const optimizer = new optim.Adam(model, { lr: 1e-3 });
  const step = jit((x: Tensor, y: Tensor) => {
    const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
    optimizer.update(grads);
    return loss;
  });
  const programs: CompiledProgram[] = [];
  const x = random.uniform([batch, 28, 28, 1]);
  const y = random.randint([batch], 0, 10);
  watchCompilations(
    (compiled) => programs.push(compiled),
    () => step(x, y).item(),
  );
  expect(programs).toHaveLength(1);
  return programs[0];
}

describe('a LeNet-5 training step', () => {
  const program = trainingStep(128);
  const { kernels, memory } = program;
  const kinds = (kind: string) => kernels.filter((k) => k.kind === kind);

  test('is 36 kernels', () => {
    // Forward: pad, 5 products with bias and activation, 2 poolings with their winners, loss with its gradient, its mean.
    // Backward: pad, 9 products, of which two filter gradients are sums of parts, 2 poolings.
    // Adam: its counter, 4 first stages of the sums of biases, the two large weights, all other updates in one.
    // Matrices that several threads need are packed beforehand.
    const packs = kinds('pack').length;
    expect(packs).toBe(4);
    expect(kernels.map((k) => k.name)).toHaveLength(
      1 + 5 + 2 + 2 + (1 + 9 + 2) + 2 + 1 + (4 + 2 + 1) + packs,
    );
  });

  test('has one packed product for each layer forward, and two backward but for the first', () => {
    expect(kinds('contract')).toHaveLength(5 + 5 + 4);
  });

  test('adds biases and applies activations in the tile store', () => {
    const forward = kinds('contract').filter((k) => k.name.endsWith('relu'));
    expect(forward).toHaveLength(4);
    // The masks of the backward pass likewise.
    expect(kinds('contract').filter((k) => k.name.endsWith('select'))).toHaveLength(2);
  });

  test('computes loss and logit gradients in one row kernel', () => {
    const rows = kinds('loops').filter((k) => k.name.includes('exp'));
    expect(rows).toHaveLength(1);
    expect(rows[0].name).toMatch(/max.*exp.*sum.*log/);
  });

  test('updates parameter and both moments of each parameter in one kernel, in place', () => {
    const updates = kernels.flatMap((k) =>
      k.kind === 'updates' ? k.members : k.kind === 'loops' ? [k] : [],
    );
    const adam = updates.filter((k) => k.outputs.length === 3 && k.name.endsWith('add_add_sub'));
    expect(adam).toHaveLength(10);
    // All state is written where it lies: no output but the loss needs a place of its own.
    expect(program.outputs.filter((place) => place.kind === 'new')).toHaveLength(1);
  });

  test('needs an arena near the lower bound', () => {
    // The largest moment is the second layer's backward pass: its padded gradient, and 128 x 28 x 28 x 6 activations that wait.
    expect(memory.arenaBytes).toBeLessThanOrEqual(8_500_000);
    expect(memory.arenaBytes).toBeLessThanOrEqual(1.25 * memory.liveBytes);
  });

  test('grows in proportion to the batch', () => {
    const half = trainingStep(64);
    // A filter gradient of fewer terms is not summed in parts.
    expect(half.kernels.length).toBeLessThanOrEqual(kernels.length);
    expect(half.memory.arenaBytes).toBeLessThan(0.6 * memory.arenaBytes);
  });
});
