/** Measures of how good a model is: `import { accuracy } from 'nabla/metrics'`. */

export { accuracy } from './accuracy.ts';
export { confusionMatrix, formatConfusion } from './confusion.ts';
export { Mean } from './mean.ts';
