import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { grad, jit, type Tensor, tensor, Variable, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';

interface Fixture {
  quadratic: number[];
  quartic: number[];
  start: number[];
  steps: number;
  runs: { name: string; optimizer: string; options: Record<string, unknown>; trajectory: number[][] }[];
}
const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../fixtures/torch_optim.json', import.meta.url), 'utf8'),
);
const { SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, NAdam, RAdam, Lion, LAMB } = optim;
type Make = new (source: Variable, options: object) => optim.Optimizer;
const classes: Record<string, Make> = {
  SGD,
  Adam,
  AdamW,
  RMSprop,
  Adagrad,
  Adadelta,
  Adamax,
  NAdam,
  RAdam,
  Lion,
  LAMB,
};
const covered = fixture.runs;

function trajectory(
  run: Fixture['runs'][number],
  dtype: 'float32' | 'float64',
  jitted: boolean,
  steps: number,
) {
  const x = new Variable(tensor(fixture.start, { dtype }));
  const optimizer = new classes[run.optimizer](x, run.options);
  const a = tensor(fixture.quadratic, { dtype });
  const b = tensor(fixture.quartic, { dtype });
  const once = () => {
    const loss = () => {
      const square = x.value.mul(x.value);
      const sum = square.mul(a).div(2).add(square.mul(square).mul(b).div(4)).sum();
      return run.options.maximize === true ? sum.neg() : sum;
    };
    const [value, grads] = valueAndGrad(loss, x);
    optimizer.update(grads);
    return value;
  };
  const step = jitted ? jit(once) : once;
  return Array.from({ length: steps }, () => {
    step();
    return [...x.value.dataSync()];
  });
}

describe('PyTorch takes the same path', () => {
  test('the fixture has the runs', () => {
    expect(new Set(covered.map((run) => run.optimizer))).toEqual(new Set(Object.keys(classes)));
    expect(covered.length).toBeGreaterThanOrEqual(36);
  });

  test.each(covered)('$name in float64, 50 steps', (run) => {
    trajectory(run, 'float64', true, fixture.steps).forEach((x, t) => {
      x.forEach((v, i) => {
        expect(v).toBeCloseTo(run.trajectory[t][i], 7);
      });
    });
  });

  test.each(covered)('$name in float32, not jitted', (run) => {
    trajectory(run, 'float32', false, 12).forEach((x, t) => {
      x.forEach((v, i) => {
        expect(v).toBeCloseTo(run.trajectory[t][i], 5);
      });
    });
  });
});

describe('closed forms', () => {
  test('the first step of Adam has the length lr in every coordinate', () => {
    const x = new Variable(tensor([1, -1, 5]));
    new optim.Adam(x, { lr: 0.1 }).update(new Map([[x, tensor([1e-3, -2, 40])]]));
    [0.9, -0.9, 4.9].forEach((v, i) => {
      expect(x.value.dataSync()[i]).toBeCloseTo(v, 5);
    });
  });

  test('SGD on x²/2 multiplies by 1 - lr', () => {
    const x = new Variable(tensor(3));
    const optimizer = new optim.SGD(x, { lr: 0.5 });
    for (let i = 0; i < 4; i++) optimizer.update(grad(() => x.value.square().div(2), x));
    expect(x.value.item()).toBe(3 / 16);
  });
});

describe('Optimizer', () => {
  test('lr can be read and set; a jitted step follows without compiling again', () => {
    const x = new Variable(tensor(1));
    const optimizer = new optim.SGD(x, { lr: 0.5 });
    let traces = 0;
    const step = jit((g: Tensor) => {
      traces++;
      optimizer.update(new Map([[x, g]]));
    });
    step(tensor(1));
    expect(x.value.item()).toBe(0.5);
    optimizer.lr = 0.25;
    expect(optimizer.lr).toBe(0.25);
    step(tensor(1));
    expect(x.value.item()).toBe(0.25);
    expect(traces).toBe(1);
    expect(() => {
      optimizer.lr = Number.NaN;
    }).toThrow(/lr must be a number from 0 on, got NaN/);
    const setting = jit(() => {
      optimizer.lr = 1;
    });
    expect(() => setting()).toThrow(/set lr outside of the jitted function/);
  });

  test('updates outside of jit leave no growing graph', () => {
    const x = new Variable(tensor(1));
    const optimizer = new optim.Adam(x);
    for (let i = 0; i < 3; i++) optimizer.update(new Map([[x, tensor(1)]]));
    expect(x.node.stored).not.toBeNull();
    expect(x.node.inputs).toHaveLength(0);
  });

  test('a state dict continues exactly, also in a new optimizer', () => {
    const run = (interrupted: boolean) => {
      const model = new nn.Linear(2, 1);
      model.loadStateDict({ weight: tensor([[1, 2]]), bias: tensor([3]) });
      let optimizer = new optim.Adam(model, { lr: 0.1 });
      for (let i = 0; i < 4; i++) {
        if (interrupted && i === 2) {
          const state = optimizer.stateDict();
          optimizer = new optim.Adam(model, { lr: 7 });
          optimizer.loadStateDict(state);
        }
        const [, grads] = valueAndGrad(
          () =>
            model
              .forward(tensor([[i, 1]]))
              .square()
              .sum(),
          model,
        );
        optimizer.update(grads);
      }
      return Object.values(model.stateDict()).map((t) => t.toArray());
    };
    expect(run(true)).toEqual(run(false));
    const names = Object.keys(new optim.Adam(new nn.Linear(2, 1)).stateDict());
    expect(names).toEqual([
      'lr',
      'weight.step',
      'weight.firstMoment',
      'weight.secondMoment',
      'bias.step',
      'bias.firstMoment',
      'bias.secondMoment',
    ]);
  });

  test('loading into an optimizer whose step is compiled already reaches that step', () => {
    const [x, y] = [new Variable(tensor(1)), new Variable(tensor(1))];
    const optimizer = new optim.Adam([x, y], { lr: 1 });
    const step = jit((g: Tensor) =>
      optimizer.update(
        new Map([
          [x, g],
          [y, g],
        ]),
      ),
    );
    step(tensor(1));
    const state = optimizer.stateDict();
    state['1.step'] = tensor(9, { dtype: 'int32' });
    optimizer.loadStateDict(state);
    step(tensor(1));
    const after = optimizer.stateDict();
    expect([after['0.step'].item(), after['1.step'].item()]).toEqual([2, 10]);
  });

  test('says what of a state dict does not fit', () => {
    const x = new Variable(zeros([2]));
    const optimizer = new optim.SGD({ x }, { momentum: 0.9 });
    const state = optimizer.stateDict();
    const { lr: _, ...rest } = state;
    expect(() => optimizer.loadStateDict(rest)).toThrow(/this SGD: missing: lr/);
    expect(() => optimizer.loadStateDict({ ...state, 'x.momentum': zeros([3]) })).toThrow(
      /x.momentum has shape \[3\], needed is \[2\]/,
    );
    expect(() => optimizer.loadStateDict({ ...state, 'y.momentum': zeros([3]) })).toThrow(
      /unexpected: y.momentum/,
    );
  });

  test('parameters that are unfrozen later are updated from then on, with a count of their own', () => {
    const model = new nn.Linear(1, 1);
    (model.bias as nn.Parameter).trainable = false;
    const optimizer = new optim.Adam(model, { lr: 0.1 });
    const once = () => optimizer.update(valueAndGrad(() => model.forward(tensor([[1]])).sum(), model)[1]);
    once();
    model.unfreeze();
    const bias = (model.bias as nn.Parameter).value.item();
    once();
    expect((model.bias as nn.Parameter).value.item()).toBeCloseTo(bias - 0.1, 5);
    expect(optimizer.stateDict()['bias.step'].item()).toBe(1);
  });

  test('every optimizer: a state dict in the middle continues the path, and frozen settings are refused', () => {
    for (const [name, Kind] of Object.entries(classes)) {
      const options = { lr: 0.1, ...(name === 'SGD' || name === 'RMSprop' ? { momentum: 0.9 } : {}) };
      const [x, y] = [new Variable(tensor([1, -2])), new Variable(tensor([1, -2]))];
      const whole = new Kind(x, options);
      const first = new Kind(y, options);
      const gradient = (v: Variable) => new Map([[v, v.value.mul(tensor([1, 3]))]]);
      for (let i = 0; i < 4; i++) whole.update(gradient(x));
      for (let i = 0; i < 2; i++) first.update(gradient(y));
      const second = new Kind(y, { ...options, lr: 0.5 });
      second.loadStateDict(first.stateDict());
      for (let i = 0; i < 2; i++) second.update(gradient(y));
      expect(y.value.toArray(), name).toEqual(x.value.toArray());
      expect(() => new Kind(x, { momentums: 1 }), name).toThrow(/unknown option 'momentums'; options are lr/);
      expect(() => new Kind(x, { lr: -1 }), name).toThrow(/lr must be a number from 0 on, got -1/);
    }
  });

  test('groups have options of their own and keep the ratio of their rates', () => {
    const [a, b] = [new Variable(tensor(1)), new Variable(tensor(1))];
    const optimizer = new optim.SGD([{ params: a }, { params: { b }, lr: 0.05, momentum: 0.9 }], { lr: 0.5 });
    const step = jit((g: Tensor) =>
      optimizer.update(
        new Map([
          [a, g],
          [b, g],
        ]),
      ),
    );
    step(tensor(1));
    expect([a.value.item(), b.value.item()]).toEqual([0.5, expect.closeTo(0.95, 6)]);
    optimizer.lr = 0.25;
    expect(optimizer.groups.map((group) => group.lr)).toEqual([0.25, 0.025]);
    step(tensor(1));
    expect([a.value.item(), b.value.item()]).toEqual([0.25, expect.closeTo(0.95 - 0.025 * 1.9, 6)]);
    const state = optimizer.stateDict();
    expect(Object.keys(state)).toEqual([
      'lr',
      'groups.0.lr',
      'groups.1.lr',
      '0.0.step',
      '1.b.step',
      '1.b.momentum',
    ]);
    const other = new optim.SGD([{ params: a }, { params: { b }, lr: 0.05, momentum: 0.9 }], { lr: 0.5 });
    other.groups[1].lr = 3;
    other.loadStateDict(state);
    expect([other.lr, ...other.groups.map((group) => group.lr)]).toEqual([0.25, 0.25, 0.025]);
    expect(() => new optim.SGD([{ params: a }, { params: [b, a] }])).toThrow(
      /'1.1' of group 1 is in another/,
    );
    expect(() => new optim.SGD([{ params: a, beta: 1 } as object as { params: Variable }])).toThrow(
      /SGD: group 0: unknown option 'beta'/,
    );
  });

  test('a rate may be a function of the number of updates, which jitted steps follow', () => {
    const x = new Variable(tensor(0));
    const make = () => new optim.SGD(x, { lr: (step) => step.add(1).mul(0.5) });
    let optimizer = make();
    let traces = 0;
    const step = jit((g: Tensor) => {
      traces++;
      optimizer.update(new Map([[x, g]]));
    });
    const path = [1, 2, 3].map(() => {
      step(tensor(-1));
      return x.value.item();
    });
    expect(path).toEqual([0.5, 1.5, 3]);
    expect([traces, optimizer.lr]).toEqual([1, 2]);
    const state = optimizer.stateDict();
    expect(Object.keys(state)).toEqual(['updates', '0.step']);
    optimizer = make();
    optimizer.loadStateDict(state);
    optimizer.update(new Map([[x, tensor(-1)]]));
    expect(x.value.item()).toBe(5);
    expect(() => {
      optimizer.lr = 1;
    }).toThrow(/SGD: lr follows a schedule/);
  });

  test('refuses foreign gradients, empty sources and bad options', () => {
    const x = new Variable(zeros([2]), { name: 'x' });
    const other = new Variable(zeros([3]), { name: 'other' });
    expect(() => new optim.SGD(x).update(new Map([[other, zeros([3])]]))).toThrow(
      /a gradient for 'other' \[3\], which this optimizer was not given/,
    );
    expect(() => new optim.Adam(new nn.ReLU())).toThrow(/there are no variables to optimize/);
    expect(() => new optim.Adam(x, { learningRate: 1 } as object)).toThrow(
      /Adam: unknown option 'learningRate'; options are lr/,
    );
    expect(() => new optim.AdamW(x, { betas: [1, 2] })).toThrow(/AdamW: betas/);
    expect(() => new optim.SGD(x, { nesterov: true })).toThrow(/nesterov needs a momentum/);
    expect(() => new optim.SGD(new Variable(zeros([1], { dtype: 'int32' })))).toThrow(/only float variables/);
  });
});
