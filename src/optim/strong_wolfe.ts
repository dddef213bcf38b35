/** A point of a line search: how far along the direction, and what the objective is like there. */
export interface LinePoint {
  readonly t: number;
  readonly value: number;
  /** Derivative along the direction. */
  readonly slope: number;
  readonly gradient: Float64Array;
}

/** Options of {@link strongWolfe}. */
interface Search {
  /** Where to try first. */
  readonly first: number;
  /** Largest component of the direction. */
  readonly size: number;
  /** The search ends when the bracket times the direction is smaller. */
  readonly tolerance: number;
  /** Evaluations after the first. */
  readonly budget: number;
}

/** Sufficient decrease and curvature: Nocedal, Wright, (3.7). */
const [decrease, curvature] = [1e-4, 0.9];

/**
 * Looks for a step t with f(t) ≤ f(0) + 1e-4 t f'(0) and |f'(t)| ≤ 0.9 |f'(0)|: first brackets one by extrapolation, then narrows
 * the bracket by cubic interpolation. Gives the best point found, and how many it took. Nocedal, Wright, "Numerical
 * Optimization" (2006), algorithms 3.5 and 3.6, with the safeguards of Schmidt's minFunc, which PyTorch has too.
 */
export function strongWolfe(
  evaluate: (t: number) => LinePoint,
  start: LinePoint,
  { first, size, tolerance, budget }: Search,
): { readonly point: LinePoint; readonly evaluations: number } {
  const descends = (p: LinePoint) => p.value <= start.value + decrease * p.t * start.slope;
  const isFlat = (p: LinePoint) => Math.abs(p.slope) <= -curvature * start.slope;
  let previous = start;
  let point = evaluate(first);
  let tries = 0;
  let bracket: [LinePoint, LinePoint] | null = null;
  for (; tries < budget && bracket === null; tries++) {
    if (!descends(point) || (tries > 1 && point.value >= previous.value)) bracket = [previous, point];
    else if (isFlat(point)) return { point, evaluations: tries + 1 };
    else if (point.slope >= 0) bracket = [previous, point];
    if (bracket !== null) break;
    const t = minimumOfCubic(previous, point, [point.t + 0.01 * (point.t - previous.t), point.t * 10]);
    previous = point;
    point = evaluate(t);
  }
  bracket ??= [start, point];

  let low = bracket[0].value <= bracket[1].value ? 0 : 1;
  let nearEdge = false;
  for (; tries < budget; tries++) {
    const [a, b] = bracket;
    if (Math.abs(b.t - a.t) * size < tolerance) break;
    const [left, right] = [Math.min(a.t, b.t), Math.max(a.t, b.t)];
    let t = minimumOfCubic(a, b, [left, right]);
    // A point close to an end twice running, or at it, would hardly narrow the bracket.
    const margin = 0.1 * (right - left);
    const isNear = Math.min(right - t, t - left) < margin;
    const isMoved: boolean = isNear && (nearEdge || t >= right || t <= left);
    if (isMoved) t = Math.abs(t - right) < Math.abs(t - left) ? right - margin : left + margin;
    nearEdge = isNear && !isMoved;

    point = evaluate(t);
    if (!descends(point) || point.value >= bracket[low].value) {
      bracket[1 - low] = point;
      low = bracket[0].value <= bracket[1].value ? 0 : 1;
      continue;
    }
    const isDone = isFlat(point);
    if (!isDone && point.slope * (bracket[1 - low].t - bracket[low].t) >= 0) bracket[1 - low] = bracket[low];
    bracket[low] = point;
    if (isDone) {
      tries++;
      break;
    }
  }
  return { point: bracket[low], evaluations: tries + 1 };
}

/** Where the cubic through two points with their slopes has its minimum, within bounds; their middle if it has none. */
function minimumOfCubic(p: LinePoint, q: LinePoint, [lowest, highest]: readonly [number, number]): number {
  const [a, b] = p.t <= q.t ? [p, q] : [q, p];
  const mean = a.slope + b.slope - (3 * (a.value - b.value)) / (a.t - b.t);
  const square = mean * mean - a.slope * b.slope;
  if (!(square >= 0)) return (lowest + highest) / 2;
  const root = Math.sqrt(square);
  const t = b.t - (b.t - a.t) * ((b.slope + root - mean) / (b.slope - a.slope + 2 * root));
  return Math.min(Math.max(t, lowest), highest);
}
