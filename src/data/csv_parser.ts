import { DataError } from './dataset.ts';

/** A row of a CSV file: its fields as text, and the line on which it begins. */
export interface CsvRow {
  readonly line: number;
  readonly fields: readonly string[];
  /** Which fields were in quotes: an empty one of those is an empty text, not a missing value. */
  readonly quoted: readonly boolean[];
}

/** Fields of a row and characters of a field: what compressed files of one letter would go beyond. */
const [mostFields, longestField] = [2 ** 20, 2 ** 28];

/** Where in a field the parser is. */
type Place = 'start' | 'plain' | 'quoted' | 'afterQuote';

/**
 * Takes CSV text in pieces, cut anywhere, and gives the rows that they complete (RFC 4180; line ends may be CR LF, LF or CR).
 */
export class CsvParser {
  readonly #name: string;
  readonly #delimiter: string;
  readonly #quote: string | null;
  #place: Place = 'start';
  #field = '';
  #fields: string[] = [];
  #quoted: boolean[] = [];
  #line = 1;
  #rowLine = 1;
  #quoteLine = 1;
  #afterReturn = false;

  /** @param name what error messages call the file */
  constructor(name: string, delimiter: string, quote: string | null) {
    this.#name = name;
    this.#delimiter = delimiter;
    this.#quote = quote;
  }

  /** @throws DataError on a quote where none may be, and on a row that is too large */
  push(text: string): CsvRow[] {
    const rows: CsvRow[] = [];
    const [delimiter, quote] = [this.#delimiter, this.#quote];
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (this.#place === 'quoted') {
        if (c === '\n' || c === '\r') {
          if (!(c === '\n' && this.#afterReturn)) this.#line++;
          this.#afterReturn = c === '\r';
          continue;
        }
        this.#afterReturn = false;
        if (c !== quote) continue;
        this.#field += text.slice(start, i);
        this.#place = 'afterQuote';
        continue;
      }
      if (c === '\n' && this.#afterReturn) {
        // The second half of CR LF.
        this.#afterReturn = false;
        start = i + 1;
        continue;
      }
      this.#afterReturn = false;
      if (this.#place === 'afterQuote' && c === quote) {
        // Two quotes stand for one.
        start = i;
        this.#place = 'quoted';
      } else if (c === delimiter || c === '\n' || c === '\r') {
        if (this.#place === 'plain') this.#field += text.slice(start, i);
        this.#endField();
        start = i + 1;
        if (c === delimiter) continue;
        this.#afterReturn = c === '\r';
        rows.push(this.#endRow());
        this.#line++;
        this.#rowLine = this.#line;
      } else if (this.#place === 'afterQuote') {
        throw this.#error(`'${c}' follows a closing quote; a quote inside of a field is written twice`);
      } else if (c === quote) {
        if (this.#place === 'plain')
          throw this.#error(
            'a quote in a field that does not begin with one; put the field in quotes, or pass quote: null',
          );
        this.#place = 'quoted';
        this.#quoteLine = this.#line;
        start = i + 1;
      } else if (this.#place === 'start') {
        this.#place = 'plain';
        start = i;
      }
    }
    if (this.#place === 'plain' || this.#place === 'quoted') this.#field += text.slice(start);
    if (this.#field.length > longestField)
      throw this.#error(
        `a field of more than ${longestField} characters; is a quote missing, or is it no CSV file?`,
      );
    return rows;
  }

  /** The last row, if the text does not end with a line end; @throws DataError inside of quotes */
  end(): CsvRow[] {
    if (this.#place === 'quoted')
      throw new DataError(
        `${this.#name}: the quote that opens on line ${this.#quoteLine} is never closed; is the file complete?`,
      );
    if (this.#place === 'start' && this.#fields.length === 0) return [];
    this.#endField();
    return [this.#endRow()];
  }

  #endField(): void {
    if (this.#fields.length === mostFields)
      throw this.#error(`a row of more than ${mostFields} fields; is it a CSV file, with this delimiter?`);
    this.#fields.push(this.#field);
    this.#quoted.push(this.#place === 'afterQuote');
    this.#field = '';
    this.#place = 'start';
  }

  #endRow(): CsvRow {
    const row = { line: this.#rowLine, fields: this.#fields, quoted: this.#quoted };
    this.#fields = [];
    this.#quoted = [];
    return row;
  }

  #error(what: string): DataError {
    return new DataError(`${this.#name}: line ${this.#line}, column ${this.#fields.length + 1}: ${what}`);
  }
}
