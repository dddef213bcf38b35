import type { Page } from './recipe.ts';

/** Points of the plane and the sign that each is drawn with. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly sign: string;
}

/** Lines of a picture; letters are about twice as high as wide. */
const rows = 16;

/**
 * Draws a part of the plane in letters: what a function says of each place, with points upon it.
 *
 * @param sideways smallest and largest x
 * @param upwards smallest and largest y
 * @param signOf the letter for places (x, y)
 */
export function drawPlane(
  page: Page,
  sideways: readonly [number, number],
  upwards: readonly [number, number],
  signOf: (places: readonly (readonly [number, number])[]) => readonly string[],
  marks: readonly Mark[] = [],
): void {
  const columns = Math.max(8, Math.min(2 * rows + 8, page.columns - 4));
  const at = (i: number, n: number, [low, high]: readonly [number, number]): number =>
    low + ((i + 0.5) / n) * (high - low);
  const places = Array.from({ length: rows * columns }, (_, i): [number, number] => [
    at(i % columns, columns, sideways),
    at(rows - 1 - Math.floor(i / columns), rows, upwards),
  ]);
  const signs = [...signOf(places)];
  const indexOf = (value: number, n: number, [low, high]: readonly [number, number]): number =>
    Math.floor(((value - low) / (high - low)) * n);
  for (const { x, y, sign } of marks) {
    const column = indexOf(x, columns, sideways);
    const row = rows - 1 - indexOf(y, rows, upwards);
    if (column >= 0 && column < columns && row >= 0 && row < rows) signs[row * columns + column] = sign;
  }
  page.print(`+${'-'.repeat(columns)}+`);
  for (let row = 0; row < rows; row++)
    page.print(`|${signs.slice(row * columns, (row + 1) * columns).join('')}|`);
  page.print(`+${'-'.repeat(columns)}+`);
}
