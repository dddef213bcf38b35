import type { KernelFunction, Local, Statement } from '../ir.ts';
import type { MathDefinition } from '../math.ts';
import { ExpressionPrinter, lowestOffsets, type Region } from './expressions.ts';
import { type Unit, visitStatements } from './unit.ts';

/** Statements of the loop IR as C text; one printer for each function. */
export class FunctionPrinter extends ExpressionPrinter {
  private readonly lines: string[] = [];
  private temporaries = 0;

  constructor(unit: Unit, body: readonly Statement[]) {
    super(unit);
    this.lowest.push(...lowestOffsets(body));
    visitStatements(body, (statement, depth) => {
      if (statement.op === 'for') {
        this.counters.add(statement.variable);
        this.depths.set(statement.variable, depth + 1);
      } else if (statement.op === 'set' && !this.depths.has(statement.local))
        this.depths.set(statement.local, depth);
    });
  }

  /** Declarations of all registers that a body sets, but for loop variables and parameters. */
  private declarations(body: readonly Statement[], parameters: readonly Local[]): string {
    const declared = new Map<string, Set<string>>();
    visitStatements(body, (statement) => {
      if (statement.op !== 'set' || parameters.includes(statement.local)) return;
      const type = this.unit.register(statement.local.type);
      let names = declared.get(type);
      if (names === undefined) declared.set(type, (names = new Set()));
      names.add(this.names.of(statement.local));
    });
    return [...declared].map(([type, names]) => `  ${type} ${[...names].join(', ')};\n`).join('');
  }

  protected pureFunction(head: string, { parameters, body, result }: MathDefinition): string {
    const inside = new FunctionPrinter(this.unit, body);
    const types = parameters.map((p) => `${this.unit.register(p.type)} ${inside.names.of(p)}`);
    const declarations = inside.declarations(body, parameters);
    inside.write(body, '  ');
    const value = inside.text(result);
    return `${head}(${types.join(', ')}) {\n${declarations}${inside.lines.join('')}  return ${value};\n}\n`;
  }

  /**
   * A kernel as a function `(const struct call *call, i64 chunk, i32 thread)` whose name is put before the text, with the places that
   * it works on: kernels that differ only in their places have the same text.
   */
  kernel({ body, chunks }: KernelFunction): { text: string; places: readonly Region[] } {
    if (chunks !== undefined) {
      this.counters.add(chunks.variable);
      this.names.bind(chunks.variable, 'chunk');
    }
    const declarations = this.declarations(body, []);
    this.write(body, '  ');
    const bases = this.places.map((_, i) => `  char *const b${i} = place(call, ${i}, thread);\n`);
    const text =
      '(const struct call *call, i64 chunk, i32 thread) {\n' +
      `  (void)chunk;\n  (void)thread;\n${bases.join('')}${declarations}${this.lines.join('')}}\n`;
    return { text, places: this.places };
  }

  private write(body: readonly Statement[], indent: string): void {
    const inner = `${indent}  `;
    const line = (text: string): void => {
      this.lines.push(`${indent}${text}\n`);
    };
    for (const statement of body) {
      switch (statement.op) {
        case 'set':
          line(`${this.names.of(statement.local)} = ${this.text(statement.value)};`);
          break;
        case 'store':
          line(this.store(statement));
          break;
        case 'for': {
          const { begin, end, step, variable } = statement;
          const v = this.names.of(variable);
          const constant = end.op === 'const';
          const limit = constant ? this.text(end) : `end${this.temporaries++}`;
          const declared = constant ? '' : `, ${limit} = ${this.text(end)}`;
          line(`for (i64 ${v} = ${this.text(begin)}${declared}; ${v} < ${limit}; ${v} += ${step}) {`);
          this.write(statement.body, inner);
          line('}');
          break;
        }
        case 'while':
          line(`while (${this.text(statement.condition)}) {`);
          this.write(statement.body, inner);
          line('}');
          break;
        case 'if':
          line(`if (${this.text(statement.condition)}) {`);
          this.write(statement.then, inner);
          if (statement.otherwise.length > 0) {
            line('} else {');
            this.write(statement.otherwise, inner);
          }
          line('}');
          break;
        case 'comment':
          line(`// ${statement.text.replace(/[\\\r\n]/g, ' ')}`);
      }
    }
  }
}
