import { objection, readValue, type Setting, type Settings, type TrainingRecipe } from '../recipes/index.ts';
import { int, logUniform, type Space, uniform } from '../train/search/distributions.ts';
import { UsageError } from './errors.ts';

/** What a search can vary of every training, with the bounds of their values. */
const common: Settings = {
  lr: { kind: 'number', summary: 'learning rate', default: 0, range: [Number.MIN_VALUE, Number.MAX_VALUE] },
  batchSize: { kind: 'integer', summary: 'examples per step', default: 0, range: [1, 1e9] },
};

const typed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A distribution, or values. */
type Entry = Space[string];

/**
 * What `lr=1e-4..1e-1`, `batch-size=32,64` and the like ask for: a range, from which numbers are drawn by their logarithm if it is above 0
 * and spans a factor of ten; a list of values, or one value. Names are those of the options of `nabla train`.
 *
 * @throws UsageError for names and values that the recipe does not have
 */
export function spaceOf(recipe: TrainingRecipe, terms: readonly string[]): Record<string, Entry> {
  const settings: Settings = { ...common, ...recipe.settings };
  const names = Object.keys(settings);
  const space: Record<string, Entry> = {};
  for (const term of terms) {
    const [given, text] = [term.slice(0, term.indexOf('=')), term.slice(term.indexOf('=') + 1)];
    const name = names.find((candidate) => typed(candidate) === given);
    if (!term.includes('=') || name === undefined)
      throw new UsageError(
        `search: '${term}' is no setting of ${recipe.name}; write name=values, such as lr=1e-4..1e-1, lr=0.1,0.01 or batch-size=32; names are ${names.map(typed).join(', ')}`,
      );
    if (name in space) throw new UsageError(`search: ${given} is given twice`);
    space[name] = entryOf(given, settings[name], text);
  }
  return space;
}

function entryOf(name: string, setting: Setting, text: string): Entry {
  const read = (part: string): number | string => {
    const value = readValue(setting, part.trim());
    const problem = objection(setting, value);
    if (problem !== null)
      throw new UsageError(
        `search: ${name}=${text}: ${part.trim() || 'nothing'} is not possible; it ${problem}`,
      );
    return value;
  };
  if (setting.kind !== 'choice' && text.includes('..')) {
    const ends = text.split('..').map(read) as number[];
    const [low, high] = ends;
    if (ends.length !== 2 || !(low < high))
      throw new UsageError(`search: ${name}=${text} is no range; write ${name}=low..high`);
    const isWide = low > 0 && high / low >= 10;
    if (setting.kind === 'integer') return int(low, high, { log: isWide });
    return isWide ? logUniform(low, high) : uniform(low, high);
  }
  const values = text.split(',').map(read);
  return values.length === 1 ? values[0] : values;
}
