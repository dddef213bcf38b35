import { broadcastShapes } from '../../core/operands.ts';
import { Tensor, where } from '../../core/tensor.ts';
import * as g from '../../graph/build.ts';
import { isFloat } from '../../graph/dtype.ts';
import type { Call, Operator, Operators } from './call.ts';
import { dtypeOf } from './elements.ts';

/** Operators of ONNX that work element by element. */

const one =
  (f: (x: Tensor, call: Call) => Tensor): Operator =>
  (call) =>
    f(call.tensor(0), call);

const two =
  (f: (x: Tensor, y: Tensor, call: Call) => Tensor): Operator =>
  (call) =>
    f(call.tensor(0), call.tensor(1), call);

/** Operators of any number of operands. */
const many =
  (f: (x: Tensor, y: Tensor) => Tensor): Operator =>
  (call) =>
    call.inputs.map((_, i) => call.tensor(i)).reduce(f);

/** Operators before version 7 had an attribute that says whether, and from which axis on, the second operand broadcasts. */
const modern =
  (operator: Operator): Operator =>
  (call) =>
    call.opset < 7 ? call.fail(`version ${call.opset} of ONNX is too old for broadcasting`) : operator(call);

function divided(x: Tensor, y: Tensor): Tensor {
  if (isFloat(x.dtype)) return x.div(y);
  const shape = broadcastShapes('Div', x.shape, y.shape);
  return new Tensor(g.div(x.broadcastTo(shape).node, y.broadcastTo(shape).node));
}

function clipped(call: Call): Tensor {
  const x = call.tensor(0);
  const bound = (i: number, name: string): Tensor | number | null =>
    call.optional(i) ?? call.node.attributes.get(name)?.f ?? null;
  return x.clip(bound(1, 'min'), bound(2, 'max'));
}

const elu = (x: Tensor, alpha: number): Tensor => where(x.gt(0), x, x.minimum(0).exp().sub(1).mul(alpha));

const softplus = (x: Tensor): Tensor => x.relu().add(x.abs().neg().exp().add(1).log());

const gelu = (x: Tensor, call: Call): Tensor =>
  call.string('approximate', 'none') === 'tanh'
    ? x.mul(0.5).mul(
        x
          .add(x.mul(x).mul(x).mul(0.044715))
          .mul(Math.sqrt(2 / Math.PI))
          .tanh()
          .add(1),
      )
    : x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));

const hardSigmoid = (x: Tensor, alpha: number, beta: number): Tensor => x.mul(alpha).add(beta).clip(0, 1);

/** The activations that recurrent operators may name, with alpha and beta. */
export const activations: Readonly<Record<string, (x: Tensor, alpha?: number, beta?: number) => Tensor>> = {
  relu: (x) => x.relu(),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  affine: (x, alpha = 1, beta = 0) => x.mul(alpha).add(beta),
  leakyrelu: (x, alpha = 0.01) => where(x.ge(0), x, x.mul(alpha)),
  hardsigmoid: (x, alpha = 0.2, beta = 0.5) => hardSigmoid(x, alpha, beta),
  scaledtanh: (x, alpha = 1, beta = 1) => x.mul(beta).tanh().mul(alpha),
  elu: (x, alpha = 1) => elu(x, alpha),
  softsign: (x) => x.div(x.abs().add(1)),
  softplus,
};

export const elementwise: Operators = {
  Add: modern(two((x, y) => x.add(y))),
  Sub: modern(two((x, y) => x.sub(y))),
  Mul: modern(two((x, y) => x.mul(y))),
  Div: modern(two(divided)),
  Pow: modern(two((x, y) => x.pow(y.cast(x.dtype)))),
  Mod: two((x, y, call) => (call.int('fmod', 0) === 1 ? x.fmod(y) : x.mod(y))),
  Max: many((x, y) => x.maximum(y)),
  Min: many((x, y) => x.minimum(y)),
  Sum: many((x, y) => x.add(y)),
  Mean: (call) =>
    call.inputs
      .map((_, i) => call.tensor(i))
      .reduce((x, y) => x.add(y))
      .div(call.inputs.length),
  Equal: two((x, y) => x.eq(y)),
  Less: two((x, y) => x.lt(y)),
  LessOrEqual: two((x, y) => x.le(y)),
  Greater: two((x, y) => x.gt(y)),
  GreaterOrEqual: two((x, y) => x.ge(y)),
  And: two((x, y) => x.logicalAnd(y)),
  Or: two((x, y) => x.logicalOr(y)),
  Xor: two((x, y) => x.logicalXor(y)),
  Not: one((x) => x.logicalNot()),
  BitwiseAnd: two((x, y) => x.bitwiseAnd(y)),
  BitwiseOr: two((x, y) => x.bitwiseOr(y)),
  BitwiseXor: two((x, y) => x.bitwiseXor(y)),
  BitwiseNot: one((x) => x.bitwiseNot()),
  BitShift: two((x, y, call) => (call.string('direction', '') === 'LEFT' ? x.leftShift(y) : x.rightShift(y))),
  Where: (call) => where(call.tensor(0), call.tensor(1), call.tensor(2)),
  Identity: (call) => call.value(0),
  Cast: one((x, call) => x.cast(dtypeOf(call.int('to', 0), 'to'))),
  CastLike: two((x, y) => x.cast(y.dtype)),
  Abs: one((x) => x.abs()),
  Neg: one((x) => x.neg()),
  Sign: one((x) => x.sign()),
  Exp: one((x) => x.exp()),
  Log: one((x) => x.log()),
  Sqrt: one((x) => x.sqrt()),
  Reciprocal: one((x) => x.reciprocal()),
  Floor: one((x) => x.floor()),
  Ceil: one((x) => x.ceil()),
  Round: one((x) => x.round()),
  Sin: one((x) => x.sin()),
  Cos: one((x) => x.cos()),
  Tan: one((x) => x.tan()),
  Asin: one((x) => x.asin()),
  Acos: one((x) => x.acos()),
  Atan: one((x) => x.atan()),
  Sinh: one((x) => x.sinh()),
  Cosh: one((x) => x.cosh()),
  Asinh: one((x) => x.asinh()),
  Acosh: one((x) => x.acosh()),
  Atanh: one((x) => x.atanh()),
  Erf: one((x) => x.erf()),
  IsNaN: one((x) => x.isnan()),
  IsInf: one((x, call) => {
    const [positive, negative] = [call.int('detect_positive', 1), call.int('detect_negative', 1)];
    if (positive !== 0) return negative !== 0 ? x.isinf() : x.isposinf();
    return negative !== 0 ? x.isneginf() : x.isinf().logicalAnd(false);
  }),
  Relu: one((x) => x.relu()),
  LeakyRelu: one((x, call) => activations.leakyrelu(x, call.float('alpha', 0.01))),
  PRelu: two((x, slope) => where(x.ge(0), x, x.mul(slope))),
  Elu: one((x, call) => elu(x, call.float('alpha', 1))),
  Celu: one((x, call) => {
    const alpha = call.float('alpha', 1);
    return x.relu().add(x.minimum(0).div(alpha).exp().sub(1).mul(alpha));
  }),
  Selu: one((x, call) =>
    elu(x, call.float('alpha', 1.6732632423543772)).mul(call.float('gamma', 1.0507009873554805)),
  ),
  ThresholdedRelu: one((x, call) => x.mul(x.gt(call.float('alpha', 1)).cast(x.dtype))),
  Sigmoid: one((x) => x.sigmoid()),
  Tanh: one((x) => x.tanh()),
  HardSigmoid: one((x, call) => hardSigmoid(x, call.float('alpha', 0.2), call.float('beta', 0.5))),
  HardSwish: one((x) => x.mul(hardSigmoid(x, 1 / 6, 0.5))),
  Softplus: one(softplus),
  Softsign: one((x) => activations.softsign(x)),
  Mish: one((x) => x.mul(softplus(x).tanh())),
  Gelu: one(gelu),
  Shrink: one((x, call) => {
    const [bias, lambda] = [call.float('bias', 0), call.float('lambd', 0.5)];
    return where(x.lt(-lambda), x.add(bias), where(x.gt(lambda), x.sub(bias), x.mul(0)));
  }),
  Clip: clipped,
  Dropout: (call) => {
    if (call.has(2) && call.known(2)[0] !== 0) call.fail('dropout in training mode is not supported');
    return call.node.outputs.length > 1
      ? [call.value(0), call.tensor(0).isnan().logicalAnd(false).logicalNot()]
      : call.value(0);
  },
};
