/**
 * The confusion matrix: `matrix[t][p]` is how many examples of class t were predicted as class p, so rows are true
 * classes, columns predictions, and the diagonal is what was right. As in scikit-learn.
 *
 * @param labels the true classes, integers from 0 to `classes - 1`
 * @param predictions the predicted classes, as many
 * @throws RangeError when the lengths differ or a class is out of range
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: number,
): number[][] {
  if (!Number.isInteger(classes) || classes < 1) {
    throw new RangeError(`confusionMatrix: classes is ${classes}, expected a positive integer`);
  }
  if (labels.length !== predictions.length) {
    throw new RangeError(
      `confusionMatrix: ${labels.length} labels but ${predictions.length} predictions; there must be one for each`,
    );
  }
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    const row = matrix[labels[i]];
    if (row === undefined || row[predictions[i]] === undefined) {
      throw new RangeError(
        `confusionMatrix: example ${i} has label ${labels[i]} and prediction ${predictions[i]}; ` +
          `both must be integers from 0 to ${classes - 1}`,
      );
    }
    row[predictions[i]]++;
  }
  return matrix;
}

/**
 * A confusion matrix as a text table: a row per true class, a column per predicted class, `·` for zero, and at the end
 * of each row the recall (the share of the class that was recognized), `-` for a class without examples.
 *
 * @param names of the classes, default their numbers
 * @throws RangeError when the matrix is not square or the number of names is another
 */
export function formatConfusion(matrix: readonly (readonly number[])[], names?: readonly string[]): string {
  const classes = matrix.length;
  if (matrix.some((row) => row.length !== classes)) {
    throw new RangeError(
      `formatConfusion: the matrix has ${classes} rows, so each must have ${classes} columns`,
    );
  }
  const labels = names ?? matrix.map((_, index) => String(index));
  if (labels.length !== classes) {
    throw new RangeError(`formatConfusion: ${labels.length} names for ${classes} classes`);
  }
  const cells = matrix.map((row) => row.map((count) => (count === 0 ? '·' : String(count))));
  const recalls = matrix.map((row, index) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return total === 0 ? '-' : `${((100 * row[index]) / total).toFixed(1)}%`;
  });
  const corner = 'true \\ predicted';
  const first = Math.max(corner.length, ...labels.map((label) => label.length));
  const widths = labels.map((label, column) =>
    Math.max(label.length, 3, ...cells.map((row) => row[column].length)),
  );
  const line = (head: string, row: readonly string[], recall: string): string =>
    [
      head.padStart(first),
      ...row.map((cell, column) => cell.padStart(widths[column])),
      recall.padStart(7),
    ].join(' ');
  return [line(corner, labels, 'recall'), ...cells.map((row, i) => line(labels[i], row, recalls[i]))].join(
    '\n',
  );
}
