import { isDemonstration, recipes, type TrainingRecipe } from '../../src/recipes/index.ts';

/** The training of this name. */
export function training(name: string): TrainingRecipe {
  const recipe = recipes.find((candidate) => candidate.name === name);
  if (recipe === undefined || isDemonstration(recipe)) throw new Error(`there is no training ${name}`);
  return recipe;
}
