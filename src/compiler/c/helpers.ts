import type { BinaryOp, MathFunction, Type, UnaryOp } from '../ir.ts';
import { isFloat } from '../ir_build.ts';
import { type Element, eachLane, elementOf, type Unit } from './unit.ts';

/**
 * Helper functions of the C printer for one type each. What is one instruction is left to the compiler to recognize; where
 * compilers differ in what they recognize, the text asks for the instruction by name.
 */

const define = (result: string, name: string, parameters: string, body: string): string =>
  `INLINE ${result} ${name}(${parameters}) {\n${body}\n}\n`;

/** The mask of bool lanes as wide as the elements it selects between. */
function wideMask(unit: Unit, { scalar, lanes }: Type, mask: string): { type: string; mask: string } {
  if (scalar !== 'f64') return { type: unit.vector('i32', lanes), mask };
  const type = unit.vector('i64', lanes);
  return { type, mask: `__builtin_convertvector(${mask}, ${type})` };
}

/** `select(m, a, b)` of vectors. */
export function selectHelper(unit: Unit, type: Type): string {
  const t = unit.register(type);
  const m = unit.vector('i32', type.lanes);
  return unit.helper(`select_${t}`, (name) => {
    const wide = wideMask(unit, type, 'm');
    const body = `  const ${wide.type} w = ${wide.mask};\n  return (${t})((w & (${wide.type})a) | (~w & (${wide.type})b));`;
    return define(t, name, `${m} m, ${t} a, ${t} b`, body);
  });
}

/** `splat(x)`: one value in every lane. */
export function splatHelper(unit: Unit, element: Element, lanes: number): string {
  const t = unit.vector(element, lanes);
  return unit.helper(`splat_${t}`, (name) =>
    define(t, name, `${element} x`, `  return ${eachLane(t, lanes, () => 'x')};`),
  );
}

/** Lanes and compiler builtins of the machines that access part of a vector in one instruction. */
const masked: Record<number, { machine: string; load: string; store: string }> = {
  16: { machine: '__AVX512F__', load: 'loadups512_mask', store: 'storeups512_mask' },
  8: { machine: '__AVX__', load: 'maskloadps256', store: 'maskstoreps256' },
};

/** The mask that chooses the first `count` lanes. */
function firstLanes(unit: Unit, lanes: number, count: number): string {
  if (lanes === 16) return `${2 ** count - 1}`;
  return eachLane(unit.vector('i32', lanes), lanes, (lane) => (lane < count ? '-1' : '0'));
}

/** `load(p)`: the first `count` elements at p, then zeros. */
export function loadSomeHelper(unit: Unit, element: Element, lanes: number, count: number): string {
  const t = unit.vector(element, lanes);
  return unit.helper(`load_${t}_${count}`, (name) => {
    const copied = `  ${t} v = {0};\n  __builtin_memcpy(&v, p, ${4 * count});\n  return v;`;
    const known = masked[lanes];
    if (known === undefined) return define(t, name, 'const void *p', copied);
    const zero = `(${unit.vector('f32', lanes)}){0}`;
    const mask = firstLanes(unit, lanes, count);
    const value = `__builtin_ia32_${known.load}(p, ${lanes === 16 ? `${zero}, ` : ''}${mask})`;
    const text = `#ifdef ${known.machine}\n  return (${t})${value};\n#else\n${copied}\n#endif`;
    return define(t, name, 'const void *p', text);
  });
}

/** `store(p, v)`: the first `count` elements of v. */
export function storeSomeHelper(unit: Unit, element: Element, lanes: number, count: number): string {
  const t = unit.vector(element, lanes);
  return unit.helper(`store_${t}_${count}`, (name) => {
    const copied = `  __builtin_memcpy(p, &v, ${4 * count});`;
    const known = masked[lanes];
    if (known === undefined) return define('void', name, `void *p, ${t} v`, copied);
    const value = `(${unit.vector('f32', lanes)})v`;
    const mask = firstLanes(unit, lanes, count);
    const list = lanes === 16 ? `${value}, ${mask}` : `${mask}, ${value}`;
    const text = `#ifdef ${known.machine}\n  __builtin_ia32_${known.store}(p, ${list});\n#else\n${copied}\n#endif`;
    return define('void', name, `void *p, ${t} v`, text);
  });
}

/** `fma(a, b, c)` of float vectors. GCC has no portable name for it where contraction is off, nor does Clang need one. */
export function fmaHelper(unit: Unit, type: Type): string {
  const t = unit.register(type);
  const { lanes } = type;
  const double = type.scalar === 'f64';
  const suffix = double ? 'd' : 's';
  return unit.helper(`fma_${t}`, (name) => {
    const bits = lanes * (double ? 64 : 32);
    const known: Record<number, string> = {
      512: `#elif defined(__AVX512F__)\n  return __builtin_ia32_vfmaddp${suffix}512_mask(a, b, c, -1, 4);\n`,
      256: `#elif defined(__FMA__)\n  return __builtin_ia32_vfmaddp${suffix}256(a, b, c);\n`,
      128:
        `#elif defined(__FMA__)\n  return __builtin_ia32_vfmaddp${suffix}(a, b, c);\n` +
        `#elif defined(__aarch64__)\n  return __builtin_aarch64_fmav${lanes}${double ? 'd' : 's'}f(a, b, c);\n`,
    };
    const single = double ? '__builtin_fma' : '__builtin_fmaf';
    const fast = double ? '__FP_FAST_FMA' : '__FP_FAST_FMAF';
    const body = `\
#if defined(__clang__)
#pragma clang fp contract(fast)
  return a * b + c;
${known[bits] ?? ''}#elif defined(${fast})
  return ${eachLane(t, lanes, (i) => `${single}(a[${i}], b[${i}], c[${i}])`)};
#else
  return a * b + c;
#endif`;
    return define(t, name, `${t} a, ${t} b, ${t} c`, body);
  });
}

/** Names of GCC's and Clang's builtin functions of scalars. */
const rounding: Partial<Record<UnaryOp, string>> = {
  sqrt: 'sqrt',
  floor: 'floor',
  ceil: 'ceil',
  round: 'rint',
};

/** sqrt, floor, ceil and round to even of a float or a vector of them. */
export function roundingHelper(unit: Unit, kind: UnaryOp, type: Type): string | undefined {
  const builtin = rounding[kind];
  if (builtin === undefined) return undefined;
  const double = type.scalar === 'f64';
  const scalar = `__builtin_${builtin}${double ? '' : 'f'}`;
  if (type.lanes === 1) return scalar;
  const t = unit.register(type);
  return unit.helper(`${kind}_${t}`, (name) => {
    const wide = `p${double ? 'd' : 's'}`;
    const bits = type.lanes * (double ? 64 : 32);
    const immediate = kind === 'floor' ? 1 : kind === 'ceil' ? 2 : 4;
    // Compilers do not see through lane by lane code at every width; these are the instructions.
    const root: Record<number, string> = {
      512: `#if defined(__AVX512F__) && defined(__clang__)\n  return __builtin_ia32_sqrt${wide}512(x, 4);\n#elif defined(__AVX512F__)\n  return __builtin_ia32_sqrt${wide}512_mask(x, x, -1, 4);\n#else\n`,
      256: `#if defined(__AVX__)\n  return __builtin_ia32_sqrt${wide}256(x);\n#else\n`,
      128: `#if defined(__SSE2__)\n  return __builtin_ia32_sqrt${wide}(x);\n#else\n`,
    };
    const toWhole: Record<number, string> = {
      512: `#if defined(__AVX512F__)\n  return __builtin_ia32_rndscale${wide}_mask(x, ${immediate}, x, -1, 4);\n#else\n`,
      256: `#if defined(__AVX__)\n  return __builtin_ia32_round${wide}256(x, ${immediate});\n#else\n`,
      128: `#if defined(__SSE4_1__)\n  return __builtin_ia32_round${wide}(x, ${immediate});\n#else\n`,
    };
    const before = (kind === 'sqrt' ? root : toWhole)[bits] ?? '';
    const body = `${before}  return ${eachLane(t, type.lanes, (i) => `${scalar}(x[${i}])`)};${before && '\n#endif'}`;
    return define(t, name, `${t} x`, body);
  });
}

/** `abs` and `neg` of integers, `abs` of floats. */
export function absHelper(unit: Unit, type: Type): string {
  const t = unit.register(type);
  const { scalar, lanes } = type;
  if (lanes === 1 && isFloat(scalar)) return scalar === 'f64' ? '__builtin_fabs' : '__builtin_fabsf';
  return unit.helper(`abs_${t}`, (name) => {
    let body: string;
    if (scalar === 'i32' && lanes === 1) body = '  return x < 0 ? -x : x;';
    else if (scalar === 'i32') body = `  const ${t} s = x >> 31;\n  return (x ^ s) - s;`;
    else if (scalar === 'u32') body = '  return x;';
    else {
      const bits = unit.vector(scalar === 'f64' ? 'i64' : 'i32', lanes);
      body = `  return (${t})((${bits})x & ${scalar === 'f64' ? '0x7fffffffffffffff' : '0x7fffffff'});`;
    }
    return define(t, name, `${t} x`, body);
  });
}

/** max and min: of floats NaN if either is, +0 above -0. */
export function extremeHelper(unit: Unit, kind: 'max' | 'min', type: Type): string {
  const t = unit.register(type);
  const { scalar, lanes } = type;
  const sign = kind === 'max' ? '>' : '<';
  return unit.helper(`${kind}_${t}`, (name) => {
    let body: string;
    if (lanes === 1 && !isFloat(scalar)) body = `  return a ${sign} b ? a : b;`;
    else if (lanes === 1) {
      // Equal operands may be zeros of two signs: their bits decide. Only the test for NaN, which hardly varies, is a branch.
      const bits = scalar === 'f64' ? 'i64' : 'i32';
      const size = scalar === 'f64' ? 8 : 4;
      body = `\
  const ${t} p = a ${sign} b ? a : b, q = b ${sign} a ? b : a;
  if (__builtin_expect(__builtin_isunordered(a, b), 0)) return a + b;
  ${bits} m, n;
  ${t} r;
  __builtin_memcpy(&m, &p, ${size});
  __builtin_memcpy(&n, &q, ${size});
  m ${kind === 'max' ? '&' : '|'}= n;
  __builtin_memcpy(&r, &m, ${size});
  return r;`;
    } else {
      const wide = scalar === 'f64' ? unit.vector('i64', lanes) : unit.vector('i32', lanes);
      const choose = (m: string, x: string, y: string): string =>
        `(${t})(((${wide})(${m}) & (${wide})(${x})) | (~(${wide})(${m}) & (${wide})(${y})))`;
      if (!isFloat(scalar)) body = `  return ${choose(`a ${sign} b`, 'a', 'b')};`;
      else {
        // What differs between the two orders of operands are zeros of two signs, and numbers beside NaN.
        const [larger, smaller] = ['larger', 'smaller'].map((pick) =>
          pickHelper(unit, pick as 'larger' | 'smaller', type),
        );
        const pick = kind === 'max' ? larger : smaller;
        const general = `\
  const ${t} p = ${pick}(a, b), q = ${pick}(b, a);
  const ${wide} unordered = (${wide})(a != a) | (${wide})(b != b);
  return (${t})(((${wide})p ${kind === 'max' ? '&' : '|'} (${wide})q) | unordered);`;
        const bits = lanes * (scalar === 'f64' ? 64 : 32);
        const suffix = `p${scalar === 'f64' ? 'd' : 's'}512_mask`;
        const immediate = kind === 'max' ? 5 : 4;
        // One instruction that knows the order of zeros, one comparison, and a sum where it found NaN.
        const ranged = `\
  const ${t} r = __builtin_ia32_range${suffix}(a, b, ${immediate}, a, -1, 4);
  return __builtin_ia32_add${suffix}(a, b, r, __builtin_ia32_cmp${suffix}(a, b, 3, -1, 4), 4);`;
        body =
          bits === 512
            ? `#if defined(__AVX512DQ__) && !defined(__clang__)\n${ranged}\n#else\n${general}\n#endif`
            : general;
      }
    }
    return define(t, name, `${t} a, ${t} b`, body);
  });
}

/** max and min against a number: `x <= bound ? bound : x`, or with `<` where `strict`. */
export function boundHelper(unit: Unit, kind: 'max' | 'min', strict: boolean, type: Type): string {
  const t = unit.register(type);
  return unit.helper(`${kind}_bound${strict ? '_strict' : ''}_${t}`, (name) => {
    const sign = `${kind === 'max' ? '<' : '>'}${strict ? '' : '='}`;
    const condition = `x ${sign} bound`;
    if (type.lanes === 1) return define(t, name, `${t} x, ${t} bound`, `  return ${condition} ? bound : x;`);
    const wide = unit.vector(type.scalar === 'f64' ? 'i64' : 'i32', type.lanes);
    const body = `  const ${wide} m = (${wide})(${condition});\n  return (${t})((m & (${wide})bound) | (~m & (${wide})x));`;
    return define(t, name, `${t} x, ${t} bound`, body);
  });
}

/**
 * `a < b ? b : a` (larger) or `b < a ? b : a` of float vectors, `a` where either is NaN: one instruction of x86, which
 * compilers do not find in the general form of a selection.
 */
export function pickHelper(unit: Unit, kind: 'larger' | 'smaller', type: Type): string {
  const t = unit.register(type);
  const { lanes } = type;
  const wide = `p${type.scalar === 'f64' ? 'd' : 's'}`;
  const bits = lanes * (type.scalar === 'f64' ? 64 : 32);
  const select = selectHelper(unit, type);
  const m = unit.vector('i32', lanes);
  return unit.helper(`${kind}_${t}`, (name) => {
    const builtin = `__builtin_ia32_${kind === 'larger' ? 'max' : 'min'}${wide}`;
    const known: Record<number, string> = {
      512: `#if defined(__AVX512F__) && defined(__clang__)\n  return ${builtin}512(b, a, 4);\n#elif defined(__AVX512F__)\n  return ${builtin}512_mask(b, a, a, -1, 4);\n#else\n`,
      256: `#if defined(__AVX__)\n  return ${builtin}256(b, a);\n#else\n`,
      128: `#if defined(__SSE2__)\n  return ${builtin}(b, a);\n#else\n`,
    };
    const condition = kind === 'larger' ? 'a < b' : 'b < a';
    const mask =
      type.scalar === 'f64'
        ? `__builtin_convertvector((${unit.vector('i64', lanes)})(${condition}), ${m})`
        : `(${m})(${condition})`;
    const before = known[bits] ?? '';
    const body = `${before}  return ${select}(${mask}, b, a);${before && '\n#endif'}`;
    return define(t, name, `${t} a, ${t} b`, body);
  });
}

/** div and rem of integers, defined everywhere; float rem and pow lane by lane. */
export function divisionHelper(unit: Unit, kind: BinaryOp & ('div' | 'rem'), type: Type): string {
  const t = unit.register(type);
  const { scalar, lanes } = type;
  if (lanes > 1) {
    const single = divisionHelper(unit, kind, { scalar, lanes: 1 });
    return unit.helper(`${kind}_${t}`, (name) =>
      define(
        t,
        name,
        `${t} a, ${t} b`,
        `  return ${eachLane(t, lanes, (i) => `${single}(a[${i}], b[${i}])`)};`,
      ),
    );
  }
  if (scalar === 'f32') return '__builtin_fmodf';
  if (scalar === 'f64') return '__builtin_fmod';
  return unit.helper(`${kind}_${t}`, (name) => {
    const quotient = kind === 'div' ? 'a / b' : 'a % b';
    const negative = kind === 'div' ? '-a' : '0';
    const body =
      scalar === 'i32'
        ? `  return b == 0 ? 0 : b == -1 ? ${negative} : ${quotient};`
        : `  return b == 0 ? 0 : ${quotient};`;
    return define(t, name, `${t} a, ${t} b`, body);
  });
}

/** A function of doubles: the C library's. */
export function doubleHelper(unit: Unit, kind: MathFunction | 'pow', lanes: number): string {
  const t = unit.vector('f64', lanes);
  const pair = kind === 'pow';
  if (lanes > 1) {
    const single = doubleHelper(unit, kind, 1);
    const call = (i: number): string => `${single}(${pair ? `a[${i}], b[${i}]` : `a[${i}]`})`;
    return unit.helper(`${kind}_${t}`, (name) =>
      define(t, name, pair ? `${t} a, ${t} b` : `${t} a`, `  return ${eachLane(t, lanes, call)};`),
    );
  }
  if (kind !== 'sigmoid') return `__builtin_${kind}`;
  // From the side where the exponential is at most 1.
  return unit.helper('sigmoid_f64', (name) =>
    define(
      t,
      name,
      'f64 x',
      '  const f64 e = __builtin_exp(-__builtin_fabs(x));\n  return (x < 0 ? e : 1) / (1 + e);',
    ),
  );
}

/** Float to integer: truncates and saturates, NaN gives 0. */
export function truncationHelper(unit: Unit, from: Type, to: Type): string {
  const [s, t] = [unit.register(from), unit.register(to)];
  const signed = to.scalar === 'i32';
  const suffix = from.scalar === 'f64' ? '' : 'f';
  const [low, high] = signed ? ['-2147483648.0', '2147483648.0'] : ['0.0', '4294967296.0'];
  const [lowest, highest] = signed ? ['(-2147483647 - 1)', '2147483647'] : ['0u', '4294967295u'];
  return unit.helper(`truncate_${s}_${t}`, (name) => {
    if (from.lanes === 1) {
      const body = `  return x >= ${high}${suffix} ? ${highest} : x >= ${low}${suffix} ? (${t})x : x == x ? ${lowest} : 0;`;
      return define(t, name, `${s} x`, body);
    }
    const m = unit.vector('i32', from.lanes);
    const wide = unit.vector(from.scalar === 'f64' ? 'i64' : 'i32', from.lanes);
    const mask = (condition: string): string =>
      from.scalar === 'f64'
        ? `__builtin_convertvector((${wide})(${condition}), ${m})`
        : `(${m})(${condition})`;
    // What does not fit becomes 0 before it is converted, its lanes are filled in after it.
    const body = `\
  const ${wide} fits = (${wide})(x >= ${low}${suffix}) & (${wide})(x < ${high}${suffix});
  const ${s} inside = (${s})(fits & (${wide})x);
  const ${m} above = ${mask(`x >= ${high}${suffix}`)}, below = ${mask(`x < ${low}${suffix}`)};
  const ${m} r = (${m})__builtin_convertvector(inside, ${t});
  return (${t})((~(above | below) & r) | (above & (${m})${eachLane(t, to.lanes, () => highest)}) | (below & (${m})${eachLane(t, to.lanes, () => lowest)}));`;
    return define(t, name, `${s} x`, body);
  });
}

/** All lanes combined, halves first. */
export function foldHelper(
  unit: Unit,
  kind: string,
  type: Type,
  combine: (a: string, b: string) => string,
): string {
  const t = unit.register(type);
  const element = elementOf(type.scalar);
  return unit.helper(`fold_${kind}_${type.scalar === 'bool' ? 'mask_' : ''}${t}`, (name) => {
    const mask = unit.vector(element === 'f64' ? 'i64' : 'i32', type.lanes);
    const lines: string[] = [];
    let last = 'x';
    for (let distance = type.lanes / 2; distance >= 1; distance /= 2) {
      const order = Array.from({ length: type.lanes }, (_, i) => (i + distance) % type.lanes).join(', ');
      lines.push(`  const ${t} s${distance} = SHUFFLE(${mask}, ${last}, ${last}, ${order});`);
      lines.push(`  const ${t} r${distance} = ${combine(last, `s${distance}`)};`);
      last = `r${distance}`;
    }
    const result = type.scalar === 'bool' ? `${last}[0] & 1` : `${last}[0]`;
    return define(element, name, `${t} x`, `${lines.join('\n')}\n  return ${result};`);
  });
}
