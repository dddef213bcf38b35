/**
 * The ten digits as pen strokes. A glyph is written on paper 100 units high, x to the right, y down, in the order
 * in which a hand draws it. A stroke is a list of knots `x,y`; the pen passes through all of them on a smooth
 * curve, except at a knot marked `!`, where it turns a corner.
 */

/** A point of the paper, x and y. */
export type Point = readonly [x: number, y: number];

/** A stroke: the runs between its corners, each a list of knots for one smooth curve. */
export type Stroke = readonly (readonly Point[])[];

/** One way to write a digit. */
export type Glyph = readonly Stroke[];

// A common form is listed first; forms are drawn with equal chance, so a form that is written twice is twice as common.
const handwriting: readonly (readonly (readonly string[])[])[] = [
  // 0: ovals closed at the top, on the right shoulder, and with an overlapping end
  [
    ['36,2 13,16 4,50 12,84 32,98 53,84 60,50 53,17 34,2 25,6'],
    ['48,9 27,3 9,28 5,64 20,96 42,93 57,64 56,26 42,5 30,8'],
    ['40,10 18,14 2,46 10,82 34,94 60,78 66,44 50,14 30,9'],
    ['46,14 30,3 12,16 4,50 12,86 34,98 56,84 62,50 54,16 38,1'],
  ],
  // 1: a bar, a bar with a flag, a flag and a foot
  [
    ['32,0 31,50 30,100'],
    ['30,0 33,50 30,100'],
    ['20,22 34,0! 33,100'],
    ['19,24 28,14 34,0! 34,50 32,100'],
    ['17,23 34,0! 34,99', '10,99 58,98'],
  ],
  // 2: round with a straight base, with a loop at the base, with a wave as base, nearly a z
  [
    ['6,24 17,6 36,1 54,14 53,36 34,66 4,98! 64,97'],
    ['8,22 22,4 44,4 54,24 42,56 20,84 8,94 3,86 14,79 36,91 66,95'],
    ['4,18 26,1 50,9 52,32 32,64 6,96! 24,91 44,98 66,90'],
    ['4,12 30,2 54,9 50,34 5,97! 34,95 64,99'],
  ],
  // 3: with a sharp waist, with a soft or looped waist, with a flat top
  [
    ['7,13 27,1 50,10 50,32 24,46! 50,54 60,75 43,96 19,98 3,85'],
    ['5,14 27,1 50,10 49,33 26,45! 51,54 58,78 38,98 3,90'],
    ['6,15 27,1 49,10 50,30 32,44 23,48 34,49 56,62 56,84 32,100 5,90'],
    ['6,4 54,3! 27,40! 52,49 61,72 43,96 18,98 2,86'],
  ],
  // 4: open with two straight strokes, open like a cup, closed in one stroke
  [
    ['18,2 14,30 4,57! 66,54', '49,22 46,60 43,100'],
    ['10,3 5,34 8,52 28,55 64,50', '52,4 51,50 46,100'],
    ['12,2 4,52! 64,51', '54,0 50,50 45,100'],
    ['46,1 4,66! 68,65', '47,1 46,100'],
  ],
  // 5: bar first, bar last and detached, all in one curve
  [
    ['57,3 15,4! 10,44! 34,37 57,52 57,78 36,98 4,89'],
    ['17,5 11,46! 35,38 58,56 54,84 30,99 3,88', '16,5 62,2'],
    ['18,9 13,46! 32,41 55,58 52,84 28,100 3,93', '23,4 66,1'],
    ['58,3 22,6 14,27 30,42 52,56 55,78 34,98 3,90'],
  ],
  // 6: round, with a straight neck, with a curled neck
  [
    ['47,3 20,27 5,64 15,93 40,99 57,79 46,58 24,58 7,77'],
    ['38,0 14,44 4,76 20,98 45,95 54,73 39,57 18,63 6,79'],
    ['55,11 36,1 14,24 4,63 18,96 46,95 57,73 40,54 16,62 7,80'],
    ['30,0 8,44 6,80 26,99 50,88 52,66 34,57 9,74'],
  ],
  // 7: plain, curved, with a bar, with a serif
  [
    ['0,5 66,3! 42,46 18,100'],
    ['0,10 32,5 68,3! 36,46 20,100'],
    ['0,5 66,4! 40,50 18,100', '16,50 62,47'],
    ['0,20 2,5! 66,4! 32,52 18,100'],
  ],
  // 8: in one S-shaped stroke from the right or from the middle, as two rings
  [
    ['51,13 29,1 8,16 18,40 46,58 55,82 30,100 5,84 14,60 42,40 52,18 37,2'],
    ['54,8 28,2 10,20 24,42 48,62 50,86 28,99 6,86 12,64 40,42 56,12'],
    ['32,46 49,30 48,9 31,1 13,11 12,32 31,46 55,62 56,87 31,100 6,88 6,63 30,46'],
    ['30,47 10,32 13,8 33,1 51,12 49,34 30,47', '30,46 6,62 5,88 29,100 54,88 55,62 30,46'],
  ],
  // 9: with a curved stem, with a straight stem, with a hooked tail
  [
    ['53,20 36,2 11,12 6,37 25,50 46,37 55,14! 53,60 47,100'],
    ['50,10 27,2 7,20 10,43 31,48 51,26 51,8! 50,100'],
    ['55,18 35,2 9,17 11,43 36,48 53,28 55,15! 55,60 40,93 13,95'],
    ['54,12 30,3 8,20 14,44 38,42 54,14! 40,60 30,100'],
  ],
];

function parseStroke(text: string): Stroke {
  const runs: Point[][] = [[]];
  for (const word of text.split(' ')) {
    const [x, y] = word.replace('!', '').split(',').map(Number);
    runs[runs.length - 1].push([x, y]);
    if (word.endsWith('!')) runs.push([[x, y]]);
  }
  return runs;
}

/** `glyphs[d]` are the ways to write the digit d. */
export const glyphs: readonly (readonly Glyph[])[] = handwriting.map((forms) =>
  forms.map((strokes) => strokes.map(parseStroke)),
);

// The square root of a distance: the parameter spacing of the centripetal spline.
const spacing = (ax: number, ay: number, bx: number, by: number): number =>
  Math.sqrt(Math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay))) + 1e-6;

/**
 * The smooth curve through knots, as a polyline: a centripetal Catmull-Rom spline, which makes neither loops nor
 * cusps between knots that are unevenly spaced (Yuksel, Schaefer, Keyser: "Parameterization and applications of
 * Catmull-Rom curves", 2011), evaluated with the Barry-Goldman pyramid of linear interpolations. Rational
 * arithmetic and square roots only, so that every machine computes the same bits.
 *
 * @param knots x and y alternating, at least two knots
 * @param pieces line segments between two knots; a run of only two knots is straight, but keeps its points so
 * that a later warp can bend it
 * @param line receives the points, x and y alternating
 */
export function smoothCurve(knots: readonly number[], pieces: number, line: number[]): void {
  const last = knots.length / 2 - 1;
  line.push(knots[0], knots[1]);
  for (let i = 0; i < last; i++) {
    const x1 = knots[2 * i];
    const y1 = knots[2 * i + 1];
    const x2 = knots[2 * i + 2];
    const y2 = knots[2 * i + 3];
    // Beyond the ends of the curve, mirror the neighbour.
    const x0 = i > 0 ? knots[2 * i - 2] : 2 * x1 - x2;
    const y0 = i > 0 ? knots[2 * i - 1] : 2 * y1 - y2;
    const x3 = i + 1 < last ? knots[2 * i + 4] : 2 * x2 - x1;
    const y3 = i + 1 < last ? knots[2 * i + 5] : 2 * y2 - y1;
    const t1 = spacing(x0, y0, x1, y1);
    const t2 = t1 + spacing(x1, y1, x2, y2);
    const t3 = t2 + spacing(x2, y2, x3, y3);
    for (let piece = 1; piece <= pieces; piece++) {
      const t = t1 + ((t2 - t1) * piece) / pieces;
      const a = t / t1;
      const b = (t - t1) / (t2 - t1);
      const c = (t - t2) / (t3 - t2);
      const ab = t / t2;
      const bc = (t - t1) / (t3 - t1);
      const abX = mix(mix(x0, x1, a), mix(x1, x2, b), ab);
      const abY = mix(mix(y0, y1, a), mix(y1, y2, b), ab);
      const bcX = mix(mix(x1, x2, b), mix(x2, x3, c), bc);
      const bcY = mix(mix(y1, y2, b), mix(y2, y3, c), bc);
      line.push(mix(abX, bcX, b), mix(abY, bcY, b));
    }
  }
}

const mix = (from: number, to: number, t: number): number => from + (to - from) * t;
