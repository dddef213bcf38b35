import { recipes } from '../recipes/index.ts';
import { print, type Terminal } from './terminal.ts';

/** `nabla list`: every recipe, one line each. */
export function listCommand(terminal: Terminal): void {
  const width = Math.max(...recipes.map((recipe) => recipe.name.length));
  for (const { name, summary } of recipes) print(terminal, `${name.padEnd(width)}  ${summary}`);
}
