import { checkOptions } from '../core/options.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import { CsvParser, type CsvRow } from './csv_parser.ts';
import { DataError } from './dataset.ts';
import { decodeText, readBytes, textChunks } from './files.ts';
import { Stream } from './stream.ts';

/** What the values of a column are. */
export type ColumnType = 'number' | 'boolean' | 'string';

/** A value; null where it is missing. */
export type CsvValue = number | boolean | string | null;

/** How a CSV file is written. */
export interface CsvOptions {
  /** Default `,`. */
  readonly delimiter?: string;
  /** Default `"`; null where quotes mean nothing. */
  readonly quote?: string | null;
  /** Whether the first row has the names of the columns (default true), or the names; without either: column1, column2, ... */
  readonly header?: boolean | readonly string[];
  /** Types of columns by name; those of others are inferred: number, or boolean (true, false), else string. */
  readonly types?: Readonly<Record<string, ColumnType>>;
  /** What stands for a missing value, outside of quotes. Default `''`, `NA`, `NaN`, `nan`, `null`, `?`. */
  readonly missing?: readonly string[];
  /** When streaming: the number of rows from which types are inferred. Default 1000. */
  readonly sample?: number;
}

interface Format {
  readonly delimiter: string;
  readonly quote: string | null;
  readonly header: boolean | readonly string[];
  readonly types: Readonly<Record<string, ColumnType>>;
  readonly missing: ReadonlySet<string>;
  readonly sample: number;
}

function formatOf(name: string, options: CsvOptions): Format {
  checkOptions(name, options, ['delimiter', 'quote', 'header', 'types', 'missing', 'sample']);
  const { delimiter = ',', quote = '"', header = true, types = {}, sample = 1000 } = options;
  for (const [option, value] of [
    ['delimiter', delimiter],
    ['quote', quote],
  ] as const)
    if (value !== null && (value.length !== 1 || value === '\n' || value === '\r'))
      throw new Error(
        `${name}: ${option} must be one character other than a line end, got ${JSON.stringify(value)}`,
      );
  if (delimiter === quote) throw new Error(`${name}: delimiter and quote are the same`);
  if (!Number.isInteger(sample) || sample < 1)
    throw new Error(`${name}: sample must be a positive integer, got ${sample}`);
  for (const [column, type] of Object.entries(types))
    if (!['number', 'boolean', 'string'].includes(type))
      throw new Error(
        `${name}: the type of ${column} must be 'number', 'boolean' or 'string', got '${type}'`,
      );
  const missing = new Set(options.missing ?? ['', 'NA', 'NaN', 'nan', 'null', '?']);
  return { delimiter, quote, header, types, missing, sample };
}

const decimal = /^[ \t]*[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity|inf)[ \t]*$/;
const isNumber = (text: string): boolean => decimal.test(text);
const numberOf = (text: string): number => Number(text.replace('inf', 'Infinity'));
const booleans: Readonly<Record<string, boolean | undefined>> = {
  true: true,
  True: true,
  TRUE: true,
  false: false,
  False: false,
  FALSE: false,
};
const booleanOf = (text: string): boolean | undefined =>
  Object.hasOwn(booleans, text) ? booleans[text] : undefined;

/** Rows and their columns: names come from the first row, and each row is checked against them. */
class Rows {
  names: readonly string[] | null = null;
  readonly #name: string;
  readonly #format: Format;

  constructor(name: string, format: Format) {
    this.#name = name;
    this.#format = format;
  }

  /** The rows that hold data. */
  take(rows: readonly CsvRow[]): CsvRow[] {
    const found: CsvRow[] = [];
    for (const row of rows) {
      const isBlank = row.fields.length === 1 && row.fields[0] === '' && !row.quoted[0];
      // A blank line is a missing value where there is only one column, and nothing elsewhere.
      if (isBlank && this.names?.length !== 1) continue;
      if (this.names === null) {
        this.names = this.#columns(row);
        if (this.#format.header === true) continue;
      }
      if (row.fields.length !== this.names.length)
        throw new DataError(
          `${this.#name}: line ${row.line} has ${row.fields.length} fields, expected ${this.names.length} (${this.names.slice(0, 8).join(', ')}` +
            `${this.names.length > 8 ? ', ...' : ''})`,
        );
      found.push(row);
    }
    return found;
  }

  #columns(row: CsvRow): readonly string[] {
    const { header, types } = this.#format;
    const names =
      header === true
        ? row.fields.map((name) => name.trim())
        : header === false
          ? row.fields.map((_, i) => `column${i + 1}`)
          : header;
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      throw new DataError(`${this.#name}: two columns are called '${twice}'; pass header with other names`);
    const unknown = Object.keys(types).find((name) => !names.includes(name));
    if (unknown !== undefined)
      throw new DataError(`${this.#name}: there is no column '${unknown}'; columns are ${names.join(', ')}`);
    return names;
  }

  isMissing(row: CsvRow, column: number): boolean {
    return !row.quoted[column] && this.#format.missing.has(row.fields[column].trim());
  }

  /** The types given, or the narrowest that all these rows have. */
  typesOf(rows: readonly CsvRow[]): ColumnType[] {
    return (this.names ?? []).map((name, column) => {
      if (Object.hasOwn(this.#format.types, name)) return this.#format.types[name];
      const present = rows.filter((row) => !this.isMissing(row, column));
      if (present.length > 0 && present.every(({ fields }) => booleanOf(fields[column]) !== undefined))
        return 'boolean';
      // A column without any value can hold numbers: they are missing.
      return present.every(({ fields }) => isNumber(fields[column])) ? 'number' : 'string';
    });
  }

  valueOf(row: CsvRow, column: number, type: ColumnType): CsvValue {
    if (this.isMissing(row, column)) return null;
    const text = row.fields[column];
    if (type === 'string') return text;
    const value = type === 'number' ? (isNumber(text) ? numberOf(text) : undefined) : booleanOf(text);
    if (value === undefined)
      throw new DataError(
        `${this.#name}: line ${row.line}, column ${column + 1} (${this.names?.[column]}): ${JSON.stringify(text.slice(0, 40))} is no ${type}; ` +
          `correct it, list it in missing, or pass types: { ${JSON.stringify(this.names?.[column])}: 'string' }`,
      );
    return value;
  }
}

/** The contents of a CSV file, by columns. */
export class Table {
  /** What messages call it. */
  readonly name: string;
  /** Number of rows. */
  readonly count: number;
  /** Names of the columns, in order. */
  readonly names: readonly string[];
  /** Types of the columns, in order. */
  readonly types: readonly ColumnType[];
  readonly #columns: ReadonlyMap<string, readonly CsvValue[]>;

  constructor(
    name: string,
    names: readonly string[],
    types: readonly ColumnType[],
    columns: readonly (readonly CsvValue[])[],
  ) {
    this.name = name;
    this.names = names;
    this.types = types;
    this.count = columns[0]?.length ?? 0;
    this.#columns = new Map(names.map((column, i) => [column, columns[i]]));
  }

  /**
   * The values of a column, null where they are missing.
   *
   * @throws DataError when there is no such column
   */
  column(name: string): readonly CsvValue[] {
    const column = this.#columns.get(name);
    if (column === undefined)
      throw new DataError(`${this.name}: there is no column '${name}'; columns are ${this.names.join(', ')}`);
    return column;
  }

  /**
   * The values of a column of numbers or booleans (1 and 0), NaN where they are missing.
   *
   * @throws DataError when there is no such column, or it is of text
   */
  numbers(name: string): Float64Array {
    return Float64Array.from(this.column(name), (value, row) => {
      if (typeof value === 'string')
        throw new DataError(
          `${this.name}: column '${name}' is of text (row ${row + 1}: ${JSON.stringify(value.slice(0, 40))}); codes() numbers its values`,
        );
      return value === null ? Number.NaN : Number(value);
    });
  }

  /** The different values of a column, sorted, and each row's as a position among them, -1 where it is missing. */
  codes(name: string): {
    readonly codes: Int32Array;
    readonly values: readonly (number | boolean | string)[];
  } {
    const column = this.column(name);
    const values = [...new Set(column)].filter((v) => v !== null);
    values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const positions = new Map<CsvValue, number>(values.map((value, i) => [value, i]));
    return { codes: Int32Array.from(column, (value) => positions.get(value) ?? -1), values };
  }

  /** Columns side by side: float32 [rows, columns], NaN where a value is missing. Default: all that are not of text. */
  tensor(names: readonly string[] = this.names.filter((_, i) => this.types[i] !== 'string')): Tensor {
    const data = new Float32Array(this.count * names.length);
    names.forEach((name, column) => {
      this.numbers(name).forEach((value, row) => {
        data[row * names.length + column] = value;
      });
    });
    return fromData(data, [this.count, names.length], 'float32');
  }

  /** One row by column names. */
  row(position: number): Record<string, CsvValue> {
    if (!Number.isInteger(position) || position < 0 || position >= this.count)
      throw new DataError(`${this.name}: there is no row ${position} of ${this.count}`);
    return Object.fromEntries(this.names.map((name) => [name, this.column(name)[position]]));
  }
}

/**
 * Reads CSV text: fields between delimiters, in quotes where they contain delimiters, line ends or (doubled) quotes (RFC 4180).
 *
 * @param name what error messages call it
 * @throws DataError with line and column for an unclosed or misplaced quote, a row of another length, two columns of one name, a value
 * that is not of its column's type
 */
export function parseCsv(text: string, options: CsvOptions = {}, name = 'CSV'): Table {
  const format = formatOf('parseCsv', options);
  const parser = new CsvParser(name, format.delimiter, format.quote);
  const rows = new Rows(name, format);
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const found = [...rows.take(parser.push(plain)), ...rows.take(parser.end())];
  if (rows.names === null) throw new DataError(`${name}: is empty; there is no row, not even a header`);
  const types = rows.typesOf(found);
  const columns = types.map((type, column) => found.map((row) => rows.valueOf(row, column, type)));
  return new Table(name, rows.names, types, columns);
}

/** {@link parseCsv} of a file, which may be compressed by gzip. @throws DataError also when it cannot be read or is not UTF-8 */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<Table> {
  return parseCsv(decodeText(await readBytes(path, 'readCsv'), path), options, path);
}

/**
 * The rows of a CSV file as records by column name, read piece by piece; each iteration of the stream reads the file anew. Types
 * that are not given are inferred from the first `sample` rows. Errors as {@link readCsv}, when the row is reached.
 */
export function streamCsv(path: string, options: CsvOptions = {}): Stream<Record<string, CsvValue>> {
  const format = formatOf('streamCsv', options);
  return new Stream(async function* () {
    const parser = new CsvParser(path, format.delimiter, format.quote);
    const rows = new Rows(path, format);
    let types: ColumnType[] | null = null;
    let waiting: CsvRow[] = [];
    const records = function* (
      found: readonly CsvRow[],
      isEnd: boolean,
    ): Generator<Record<string, CsvValue>> {
      waiting.push(...found);
      if (waiting.length < format.sample && types === null && !isEnd) return;
      types ??= rows.typesOf(waiting.slice(0, format.sample));
      const [ready, known] = [waiting, types];
      waiting = [];
      for (const row of ready)
        yield Object.fromEntries(
          (rows.names ?? []).map((name, column) => [name, rows.valueOf(row, column, known[column])]),
        );
    };
    for await (const text of textChunks(path, 'streamCsv'))
      yield* records(rows.take(parser.push(text)), false);
    yield* records(rows.take(parser.end()), true);
    if (rows.names === null) throw new DataError(`${path}: is empty; there is no row, not even a header`);
  });
}
