import { pathToFileURL } from 'node:url';
import { grad, jvp, type Tensor, tensor, valueAndGrad, vjp } from '../src/index.ts';

/**
 * Derivatives of y = ln x1 + x1 x2 - sin x2 at (2, 5), the function of Baydin, Pearlmutter, Radul, Siskind (2015):
 *
 *     node examples/derivatives.ts        (Node 22.18 or newer, which runs TypeScript as it is)
 *
 * In a project of your own, import from 'nabla'.
 */
const y = (x1: Tensor, x2: Tensor): Tensor => x1.log().add(x1.mul(x2)).sub(x2.sin());

/** What each transform says, line by line. */
export function derivatives(): string[] {
  const double = { dtype: 'float64' } as const;
  const [x1, x2] = [tensor(2, double), tensor(5, double)];
  const [one, zero] = [tensor(1, double), tensor(0, double)];
  const digits = (...values: Tensor[]) => values.map((v) => v.item().toFixed(6)).join(', ');

  const [value, [by1, by2]] = valueAndGrad(y, { argnums: [0, 1] })(x1, x2);
  const [, forward] = jvp(y, [x1, x2], [one, zero]);
  const [, pullback] = vjp(y, x1, x2);
  const second = grad((a: Tensor) => grad(y)(a, x2))(x1);
  return [
    `y(2, 5)                 ${digits(value)}`,
    `grad                    ${digits(by1, by2)}`,
    `jvp along x1            ${digits(forward)}`,
    `vjp of 1                ${digits(...pullback(one))}`,
    `second derivative by x1 ${digits(second)}`,
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(derivatives().join('\n'));
