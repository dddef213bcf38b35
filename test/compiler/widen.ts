import type { Expr, Index, Local, LoopProgram, Statement, Type } from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';

/**
 * A program with `factor` times as many lanes in every vector, for targets with wider registers. Vector accesses reach up to
 * `4 * factor` elements beyond where they did. f64 math functions, whose last bits are the platform's, become
 * f32 ones, whose bits are prescribed.
 */
export function widen(program: LoopProgram, factor: number): LoopProgram {
  const locals = new Map<Local, Local>();
  const lanesOf = (lanes: number): number => (lanes === 1 ? 1 : lanes * factor);
  const type = (t: Type): Type => ir.typeOf(t.scalar, lanesOf(t.lanes));
  const local = (l: Local): Local => {
    let wide = locals.get(l);
    if (wide === undefined) locals.set(l, (wide = ir.local(l.name, type(l.type))));
    return wide;
  };
  const index = (i: Index): Index => ({
    offset: i.offset,
    terms: i.terms.map((term) => ({ local: local(term.local), coefficient: term.coefficient })),
    dynamic: i.dynamic.map(expr),
  });
  const inF32 = (x: Expr, f: (...operands: Expr[]) => Expr, ...operands: Expr[]): Expr =>
    x.type.scalar === 'f64' ? ir.cast('f64', f(...operands.map((o) => ir.cast('f32', o)))) : f(...operands);
  const isMath = (kind: string): boolean =>
    !['neg', 'abs', 'sqrt', 'floor', 'ceil', 'round', 'not'].includes(kind);
  function expr(x: Expr): Expr {
    switch (x.op) {
      case 'const':
      case 'lanes':
        return { ...x, type: type(x.type) };
      case 'local':
        return ir.get(local(x.local));
      case 'load':
        return { ...x, type: type(x.type), index: index(x.index) };
      case 'index':
        return { ...x, index: index(x.index) };
      case 'unary':
        if (isMath(x.kind)) return inF32(x, (a) => ir.unary(x.kind, a), expr(x.x));
        return { ...x, type: type(x.type), x: expr(x.x) };
      case 'binary':
        if (x.kind === 'pow') return inF32(x, (a, b) => ir.binary('pow', a, b), expr(x.a), expr(x.b));
        return { ...x, type: type(x.type), a: expr(x.a), b: expr(x.b) };
      case 'compare':
        return { ...x, type: type(x.type), a: expr(x.a), b: expr(x.b) };
      case 'fma':
        return { ...x, type: type(x.type), a: expr(x.a), b: expr(x.b), c: expr(x.c) };
      case 'select':
      case 'choose':
        return { ...x, type: type(x.type), condition: expr(x.condition), a: expr(x.a), b: expr(x.b) };
      case 'cast':
      case 'bitcast':
      case 'splat':
      case 'fold':
        return { ...x, type: type(x.type), x: expr(x.x) };
      case 'extract':
        return { ...x, x: expr(x.x), lane: x.lane * factor + (x.lane % factor) };
      case 'shuffle': {
        const lanes = Array.from(
          { length: x.lanes.length * factor },
          (_, i) => x.lanes[i % x.lanes.length] * factor + Math.floor(i / x.lanes.length),
        );
        return { ...x, type: type(x.type), a: expr(x.a), b: expr(x.b), lanes };
      }
    }
  }
  const block = (body: readonly Statement[]): Statement[] => body.map(statement);
  function statement(s: Statement): Statement {
    switch (s.op) {
      case 'set':
        return { ...s, local: local(s.local), value: expr(s.value) };
      case 'store':
        return { ...s, index: index(s.index), value: expr(s.value) };
      case 'for':
        return {
          ...s,
          variable: local(s.variable),
          begin: expr(s.begin),
          end: expr(s.end),
          body: block(s.body),
        };
      case 'while':
        return { ...s, condition: expr(s.condition), body: block(s.body) };
      case 'if':
        return ir.ifThen(expr(s.condition), block(s.then), block(s.otherwise));
      case 'comment':
        return s;
    }
  }
  return { kernels: program.kernels.map((kernel) => ({ ...kernel, body: block(kernel.body) })) };
}
