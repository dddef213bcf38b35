import type { BinaryOp, Buffer, Expr, Index, LoopProgram, Statement } from './ir.ts';
import { typeName } from './ir_build.ts';

/** Programs of the loop IR as text for people: `NABLA_DEBUG=source` shows it, tests look for structure in it. */

const symbols: Partial<Record<BinaryOp | 'eq' | 'ne' | 'lt' | 'le', string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  rem: '%',
  and: '&',
  or: '|',
  xor: '^',
  shl: '<<',
  shr: '>>',
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
};

const number = (x: number): string => (Object.is(x, -0) ? '-0' : String(x));

const infix = (kind: BinaryOp | 'eq' | 'ne' | 'lt' | 'le', a: Expr, b: Expr): string => {
  const symbol = symbols[kind];
  return symbol === undefined ? `${kind}(${text(a)}, ${text(b)})` : `(${text(a)} ${symbol} ${text(b)})`;
};

/** `4*i + j + 3` */
export function indexText({ offset, terms, dynamic }: Index): string {
  const parts = [
    ...terms.map(({ local, coefficient }) =>
      coefficient === 1 ? local.name : `${coefficient}*${local.name}`,
    ),
    ...dynamic.map(text),
  ];
  if (offset !== 0 || parts.length === 0) parts.push(number(offset));
  return parts.join(' + ').replaceAll('+ -', '- ');
}

function place(buffer: Buffer, index: Index, lanes: number): string {
  const width = lanes > 1 ? `:${lanes}` : '';
  return `${buffer.name}[${indexText(index)}${width}]`;
}

function text(x: Expr): string {
  switch (x.op) {
    case 'const':
      return x.type.lanes === 1 ? number(x.value) : `${typeName(x.type)}(${number(x.value)})`;
    case 'local':
      return x.local.name;
    case 'load':
      return place(x.buffer, x.index, x.count ?? x.type.lanes);
    case 'index':
      return `(${indexText(x.index)})`;
    case 'unary':
      return `${x.kind}(${text(x.x)})`;
    case 'binary':
    case 'compare':
      return infix(x.kind, x.a, x.b);
    case 'select':
    case 'choose':
      return `${x.op}(${text(x.condition)}, ${text(x.a)}, ${text(x.b)})`;
    case 'cast':
    case 'splat':
      return `${typeName(x.type)}(${text(x.x)})`;
    case 'bitcast':
      return `bits_${typeName(x.type)}(${text(x.x)})`;
    case 'lanes':
      return `${typeName(x.type)}.lanes`;
    case 'extract':
      return `${text(x.x)}.${x.lane}`;
    case 'fma':
      return `fma(${text(x.a)}, ${text(x.b)}, ${text(x.c)})`;
    case 'shuffle':
      return `shuffle(${text(x.a)}, ${text(x.b)}, [${x.lanes.join(' ')}])`;
    case 'fold':
      return `fold_${x.kind}(${text(x.x)})`;
  }
}

/** An expression in infix form, every operation in parentheses; casts and splats as calls of the type. */
export const expressionText: (x: Expr) => string = text;

function lines(body: readonly Statement[], indent: string, out: string[]): void {
  const inner = `${indent}  `;
  for (const statement of body) {
    switch (statement.op) {
      case 'set':
        out.push(
          `${indent}${statement.local.name}: ${typeName(statement.local.type)} = ${text(statement.value)}`,
        );
        break;
      case 'store':
        out.push(
          `${indent}${place(statement.buffer, statement.index, statement.count ?? statement.value.type.lanes)} = ${text(statement.value)}`,
        );
        break;
      case 'for': {
        const { variable, begin, end, step } = statement;
        const by = step === 1 ? '' : ` by ${step}`;
        out.push(`${indent}for ${variable.name} from ${text(begin)} to ${text(end)}${by} {`);
        lines(statement.body, inner, out);
        out.push(`${indent}}`);
        break;
      }
      case 'while':
        out.push(`${indent}while ${text(statement.condition)} {`);
        lines(statement.body, inner, out);
        out.push(`${indent}}`);
        break;
      case 'if':
        out.push(`${indent}if ${text(statement.condition)} {`);
        lines(statement.then, inner, out);
        if (statement.otherwise.length > 0) {
          out.push(`${indent}} else {`);
          lines(statement.otherwise, inner, out);
        }
        out.push(`${indent}}`);
        break;
      case 'comment':
        out.push(`${indent}// ${statement.text}`);
    }
  }
}

/** Every kernel with its number, name, chunks and statements. Loops run up to their end, exclusive. */
export function programText(program: LoopProgram): string {
  const out: string[] = [];
  program.kernels.forEach(({ name, chunks, body }, i) => {
    const each = chunks === undefined ? '' : ` for chunk ${chunks.variable.name} of ${chunks.count}`;
    out.push(`kernel ${i} ${name}${each} {`);
    lines(body, '  ', out);
    out.push('}');
  });
  return `${out.join('\n')}\n`;
}
