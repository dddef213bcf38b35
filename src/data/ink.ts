/**
 * Strokes to grey pixels by distance: a pixel is as dark as its centre is deep inside the pen's track. The track
 * of a segment whose pen radius goes from r0 to r1 is where |p - nearest point| <= radius at that point.
 */
export class Ink {
  readonly height: number;
  readonly width: number;
  /** Depth of every pixel's centre inside the ink, in pixels: positive inside, negative outside. */
  private readonly depth: Float64Array;

  constructor(height: number, width: number) {
    this.height = height;
    this.width = width;
    this.depth = new Float64Array(height * width);
    this.clear();
  }

  /** Removes all strokes. */
  clear(): void {
    this.depth.fill(-1e3);
  }

  /**
   * Draws the segment from (ax, ay) to (bx, by), pixel units with pixel centres at halves, with a round pen whose
   * radius goes from `ra` to `rb`. Strokes that overlap join like ink, they do not add up.
   *
   * @param reach how far outside the ink the depth is still needed, in pixels
   */
  segment(ax: number, ay: number, ra: number, bx: number, by: number, rb: number, reach: number): void {
    const pad = Math.max(ra, rb) + reach;
    const left = Math.max(0, Math.floor(Math.min(ax, bx) - pad));
    const right = Math.min(this.width, Math.ceil(Math.max(ax, bx) + pad));
    const top = Math.max(0, Math.floor(Math.min(ay, by) - pad));
    const bottom = Math.min(this.height, Math.ceil(Math.max(ay, by) + pad));
    const dx = bx - ax;
    const dy = by - ay;
    const square = dx * dx + dy * dy;
    const scale = square > 0 ? 1 / square : 0;
    for (let row = top; row < bottom; row++) {
      const py = row + 0.5 - ay;
      for (let column = left; column < right; column++) {
        const px = column + 0.5 - ax;
        const t = Math.max(0, Math.min(1, (px * dx + py * dy) * scale));
        const ex = px - t * dx;
        const ey = py - t * dy;
        const depth = ra + (rb - ra) * t - Math.sqrt(ex * ex + ey * ey);
        const index = row * this.width + column;
        if (depth > this.depth[index]) this.depth[index] = depth;
      }
    }
  }

  /**
   * Coverage of a pixel, 0 to 1: the smooth step 3u^2 - 2u^3 over an edge `softness` pixels wide that is centred on
   * the outline.
   */
  coverage(index: number, softness: number): number {
    const u = this.depth[index] / softness + 0.5;
    return u <= 0 ? 0 : u >= 1 ? 1 : u * u * (3 - 2 * u);
  }
}
