import { arrangementOperations } from './arrangements.ts';
import { castOperations } from './casts.ts';
import { controlOperations } from './control.ts';
import { createOperations } from './create.ts';
import { elementwiseOperations } from './elementwise.ts';
import { indexOperations, sortOperations } from './indexing.ts';
import { linalgOperations } from './linalg.ts';
import type { Operation } from './operation.ts';
import { orderOperations, positionOperations } from './positions.ts';
import { productOperations } from './products.ts';
import { randomOperations } from './random.ts';
import { reductionOperations } from './reductions.ts';
import { fourierOperations, interpolationOperations } from './signals.ts';
import { viewOperations } from './views.ts';

/** The operations of the library by theme: the sections of docs/conformance.md. */
export const groups: readonly { readonly title: string; readonly operations: readonly Operation[] }[] = [
  { title: 'Making arrays', operations: createOperations },
  { title: 'Arithmetic and functions of elements', operations: elementwiseOperations },
  { title: "Control flow and derivatives of one's own", operations: controlOperations },
  { title: 'Reductions', operations: reductionOperations },
  { title: 'Linear algebra', operations: linalgOperations },
  { title: 'Views, joining, splitting', operations: [...viewOperations, ...arrangementOperations] },
  { title: 'Indexing', operations: [...indexOperations, ...positionOperations] },
  { title: 'Sorting, searching, sets and counts', operations: [...sortOperations, ...orderOperations] },
  { title: 'Casts', operations: castOperations },
  { title: 'Products', operations: productOperations },
  { title: 'Fourier transforms', operations: fourierOperations },
  { title: 'Interpolation and polynomials', operations: interpolationOperations },
  { title: 'Random numbers', operations: randomOperations },
];

/** Every operation of the library. */
export const operations: readonly Operation[] = groups.flatMap((group) => group.operations);
