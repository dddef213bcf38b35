import { FormatError } from '../io/index.ts';
import { isCount, isRecord } from '../io/json.ts';

/** Configurations of Keras's layers, read with checks. */

/** Something in a model that cannot be built; the model's error lists them all. */
export class Unsupported extends Error {
  override name = 'Unsupported';
}

export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (value: unknown): value is Fields => isRecord(value);

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 120);

/** The configuration of one layer. */
export class Config {
  readonly className: string;
  readonly name: string;
  readonly fields: Fields;

  constructor(className: string, fields: Fields, name: string) {
    this.className = className;
    this.fields = fields;
    this.name = name;
  }

  /** @throws FormatError about a field that is not what it must be */
  fail(key: string, needed: string): never {
    throw new FormatError(
      `${this.className} ${JSON.stringify(this.name)}: ${key} must be ${needed}, it is ${shown(this.fields[key])}`,
    );
  }

  has(key: string): boolean {
    return this.fields[key] !== undefined && this.fields[key] !== null;
  }

  number(key: string, otherwise?: number): number {
    const value = this.fields[key] ?? otherwise;
    return typeof value === 'number' && Number.isFinite(value) ? value : this.fail(key, 'a number');
  }

  /** A number, or null where the configuration has none. */
  maybeNumber(key: string): number | null {
    return this.has(key) ? this.number(key) : null;
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.fields[key] ?? otherwise;
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false');
  }

  text(key: string, otherwise?: string): string {
    const value = this.fields[key] ?? otherwise;
    return typeof value === 'string' ? value : this.fail(key, 'a text');
  }

  /** A number for each of `count` axes, of which one may stand for all. */
  sizes(key: string, count: number, otherwise?: number): number[] {
    const value = this.fields[key] ?? otherwise;
    const all = typeof value === 'number' ? new Array<number>(count).fill(value) : value;
    const fits =
      Array.isArray(all) && all.length === count && all.every((n) => Number.isInteger(n) && n >= 0);
    return fits ? all : this.fail(key, `${count} integers from 0 on`);
  }

  /** Integers. */
  integers(key: string): number[] {
    const value = this.fields[key];
    const all = typeof value === 'number' ? [value] : value;
    return Array.isArray(all) && all.every((n) => Number.isInteger(n)) ? all : this.fail(key, 'integers');
  }

  /** `[before, after]` for each of `count` axes, of which one pair or number may stand for all. */
  pairs(key: string, count: number): [number, number][] {
    const value = this.fields[key];
    const pair = (x: unknown): [number, number] => {
      if (isCount(x)) return [x, x];
      if (Array.isArray(x) && x.length === 2 && x.every(isCount)) return [x[0], x[1]];
      return this.fail(key, 'numbers, or pairs of them');
    };
    if (isCount(value)) return Array.from({ length: count }, () => pair(value));
    if (count === 1) return [pair(value)];
    if (!Array.isArray(value) || value.length !== count) return this.fail(key, `${count} numbers or pairs`);
    return value.map(pair);
  }

  /** @throws Unsupported */
  unsupported(what: string): never {
    throw new Unsupported(`${this.className} ${JSON.stringify(this.name)} (${what})`);
  }

  /** @throws Unsupported unless channels are last */
  requireChannelsLast(): void {
    if ((this.fields.data_format ?? 'channels_last') !== 'channels_last')
      this.unsupported(`data_format ${shown(this.fields.data_format)}`);
  }

  /** The configuration of a layer inside of this one. */
  layer(key: string): Config {
    return layerConfig(this.fields[key], `${this.className} ${JSON.stringify(this.name)}: ${key}`);
  }
}

/**
 * A layer's configuration `{ class_name, config: { name, ... } }`.
 *
 * @param where for messages
 */
export function layerConfig(value: unknown, where: string): Config {
  if (!isFields(value) || typeof value.class_name !== 'string')
    throw new FormatError(`${where} is no layer: it has no class_name`);
  const fields = isFields(value.config) ? value.config : {};
  const name = typeof value.name === 'string' ? value.name : fields.name;
  // Configurations of old sequential models are a list.
  const content = Array.isArray(value.config) ? { layers: value.config } : fields;
  return new Config(
    value.class_name,
    content,
    typeof name === 'string' ? name : value.class_name.toLowerCase(),
  );
}
