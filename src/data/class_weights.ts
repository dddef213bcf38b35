import { DataError } from './dataset.ts';

/**
 * Weights that let every class count as much as the next: n / (k · count of the class) for n labels of k classes that occur, as
 * scikit-learn's 'balanced'; 1 for numbers between that do not occur. For `fit`: `classWeights: balancedClassWeights(train.labels)`.
 *
 * @param labels class numbers, integers from 0 on
 * @throws DataError if there are no labels, or one is no class number
 */
export function balancedClassWeights(labels: ArrayLike<number>): number[] {
  const counts: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!Number.isInteger(label) || label < 0 || label > 0xfffff)
      throw new DataError(`balancedClassWeights: label ${i} is ${label}, which is no class number`);
    while (counts.length <= label) counts.push(0);
    counts[label]++;
  }
  const present = counts.filter((count) => count > 0).length;
  if (present === 0) throw new DataError('balancedClassWeights: there are no labels');
  return counts.map((count) => (count === 0 ? 1 : labels.length / (present * count)));
}
