import type { Expr, Statement } from './ir.ts';

/** Walks through the loop IR. */

/** A load expression or a store statement. */
export type Access = (Expr & { op: 'load' }) | (Statement & { op: 'store' });

/** Calls `visit` for an expression and everything inside of it, index expressions included. */
export function visitExpr(
  x: Expr,
  visit: (x: Expr, conditional: boolean) => void,
  conditional = false,
): void {
  visit(x, conditional);
  switch (x.op) {
    case 'load':
    case 'index':
      for (const part of x.index.dynamic) visitExpr(part, visit, conditional);
      break;
    case 'binary':
    case 'compare':
    case 'shuffle':
      visitExpr(x.a, visit, conditional);
      visitExpr(x.b, visit, conditional);
      break;
    case 'fma':
      for (const part of [x.a, x.b, x.c]) visitExpr(part, visit, conditional);
      break;
    case 'select':
    case 'choose':
      visitExpr(x.condition, visit, conditional);
      visitExpr(x.a, visit, conditional || x.op === 'choose');
      visitExpr(x.b, visit, conditional || x.op === 'choose');
      break;
    case 'unary':
    case 'cast':
    case 'bitcast':
    case 'splat':
    case 'extract':
    case 'fold':
      visitExpr(x.x, visit, conditional);
  }
}

/** Calls `visit` for every access under `body`; conditional are those that a round of the body might not execute. */
export function visitAccesses(
  body: readonly Statement[],
  visit: (access: Access, conditional: boolean) => void,
  conditional: boolean,
): void {
  const inside = (x: Expr, certain = false): void =>
    visitExpr(
      x,
      (part, guarded) => {
        if (part.op === 'load') visit(part, guarded);
      },
      conditional && !certain,
    );
  for (const statement of body) {
    switch (statement.op) {
      case 'set':
        inside(statement.value);
        break;
      case 'store':
        visit(statement, conditional);
        for (const part of statement.index.dynamic) inside(part);
        inside(statement.value);
        break;
      case 'for':
        inside(statement.begin);
        inside(statement.end);
        visitAccesses(statement.body, visit, true);
        break;
      case 'while':
        inside(statement.condition);
        visitAccesses(statement.body, visit, true);
        break;
      case 'if':
        inside(statement.condition);
        visitAccesses(statement.then, visit, true);
        visitAccesses(statement.otherwise, visit, true);
    }
  }
}
