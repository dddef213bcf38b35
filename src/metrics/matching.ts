/** A detected object: its box [x1, y1, x2, y2] and how sure the detector is. */
export interface Detected {
  readonly box: readonly number[];
  readonly score: number;
}

/** An object that is there. */
export interface Truth {
  readonly box: readonly number[];
  readonly area: number;
  /** A region of many objects (COCO), in which any number of detections may lie. */
  readonly crowd: boolean;
  /** Neither to be found nor wrong to find. */
  readonly difficult: boolean;
}

/** What became of a detection at each threshold. */
export interface Outcome {
  readonly score: number;
  readonly matched: readonly boolean[];
  /** Counts neither as right nor as wrong. */
  readonly ignored: readonly boolean[];
}

const areaOf = ([x1, y1, x2, y2]: readonly number[]): number => (x2 - x1) * (y2 - y1);

/** Intersection over union; over the area of the detection alone where the truth is a crowd. */
function overlap(box: readonly number[], truth: Truth): number {
  const width = Math.min(box[2], truth.box[2]) - Math.max(box[0], truth.box[0]);
  const height = Math.min(box[3], truth.box[3]) - Math.max(box[1], truth.box[1]);
  if (width <= 0 || height <= 0) return 0;
  const intersection = width * height;
  const union = truth.crowd ? areaOf(box) : areaOf(box) + areaOf(truth.box) - intersection;
  return intersection / union;
}

/**
 * Matches the detections of one class in one image as COCO does: from the surest on, each takes the free object that it overlaps most, if at least by the
 * threshold; objects of another size and crowds only if there is no other, and then the detection does not count.
 *
 * @param detections from the surest on
 * @param sizes smallest and largest area of the objects that count
 */
export function matchCoco(
  detections: readonly Detected[],
  truths: readonly Truth[],
  thresholds: readonly number[],
  sizes: readonly [number, number],
): { outcomes: Outcome[]; positives: number } {
  const outside = (area: number): boolean => area < sizes[0] || area > sizes[1];
  const passed = (truth: Truth): boolean => truth.crowd || truth.difficult || outside(truth.area);
  const counting = truths.filter((truth) => !passed(truth));
  const ordered = [...counting, ...truths.filter(passed)];
  const overlaps = detections.map(({ box }) => ordered.map((truth) => overlap(box, truth)));
  const outcomes = detections.map(({ score }) => ({
    score,
    matched: [] as boolean[],
    ignored: [] as boolean[],
  }));
  for (const threshold of thresholds) {
    const taken = new Set<number>();
    for (const [i, { box }] of detections.entries()) {
      let best = Math.min(threshold, 1 - 1e-10);
      let match = -1;
      for (const [j, truth] of ordered.entries()) {
        if (taken.has(j) && !truth.crowd) continue;
        if (match >= 0 && match < counting.length && j >= counting.length) break;
        if (overlaps[i][j] < best) continue;
        best = overlaps[i][j];
        match = j;
      }
      if (match >= 0) taken.add(match);
      outcomes[i].matched.push(match >= 0);
      outcomes[i].ignored.push(match >= 0 ? match >= counting.length : outside(areaOf(box)));
    }
  }
  return { outcomes, positives: counting.length };
}

/**
 * Matches the detections of one class in one image as PASCAL VOC does: each belongs to the object that it overlaps most, and is right if that is at least by the threshold
 * and no surer detection has it. What belongs to a difficult object does not count.
 *
 * @param detections from the surest on
 */
export function matchVoc(
  detections: readonly Detected[],
  truths: readonly Truth[],
  thresholds: readonly number[],
): { outcomes: Outcome[]; positives: number } {
  const passed = (truth: Truth): boolean => truth.crowd || truth.difficult;
  const nearest = detections.map(({ box }) => {
    const overlaps = truths.map((truth) => overlap(box, truth));
    const most = Math.max(...overlaps);
    return { most, index: overlaps.indexOf(most) };
  });
  const outcomes = detections.map(({ score }) => ({
    score,
    matched: [] as boolean[],
    ignored: [] as boolean[],
  }));
  for (const threshold of thresholds) {
    const taken = new Set<number>();
    for (const [i, { most, index }] of nearest.entries()) {
      const near = most >= threshold;
      const ignored = near && passed(truths[index]);
      outcomes[i].matched.push(near && !ignored && !taken.has(index));
      outcomes[i].ignored.push(ignored);
      if (near) taken.add(index);
    }
  }
  return { outcomes, positives: truths.filter((truth) => !passed(truth)).length };
}
