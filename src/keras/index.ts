/** Models and weights of Keras: `import { loadKeras, saveKeras } from 'nabla/keras'`. */

export { loadKerasWeights } from '../io/index.ts';
export { kerasLayers } from './build.ts';
export { type LoadKerasIntoOptions, loadKerasInto } from './into.ts';
export { loadKeras, loadTfjsModel } from './load.ts';
export { KerasModel } from './model.ts';
export { encodeKeras, type SaveKerasOptions, saveKeras } from './save.ts';
