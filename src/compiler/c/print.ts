import type { LoopProgram } from '../ir.ts';
import type { Region } from './expressions.ts';
import { FunctionPrinter } from './statements.ts';
import { Unit } from './unit.ts';

/** What the printer's functions and the thread pool agree on. */
export const callTypes = `\
struct place {
  u32 argument;
  i64 offset, stride;
};
struct call {
  char *memory;
  const u32 *table;
  const struct place *places;
};
typedef void (*chunk_function)(const struct call *call, i64 chunk, i32 thread);
typedef void (*parallel_function)(chunk_function function, const struct call *call, i64 count, i32 threads);
INLINE char *place(const struct call *call, i32 number, i32 thread) {
  const struct place *p = call->places + number;
  return call->memory + call->table[p->argument] + p->offset + thread * p->stride;
}
`;

/** `{argument, offset, stride for each thread}`; the arena begins where argument 0 points. */
function placeText({ place, start }: Region): string {
  if (place.kind === 'argument') return `  {${place.argument}, ${start}, 0},\n`;
  return `  {0, ${place.offset + start}, ${place.kind === 'thread' ? place.stride : 0}},\n`;
}

/**
 * A program as one C translation unit for GCC (9 or newer) or Clang (9 or newer), without any header. It needs `-fwrapv
 * -fno-strict-aliasing -ffp-contract=off` for what the loop IR promises, and the C library's math functions where f64 ones occur.
 * Kernels that do the same in other places share one function.
 *
 * It defines `nabla_run(memory, table, threads, parallel, first, last)`, which runs kernels `first` to `last - 1` in order:
 * `memory` is the address that byte offsets count from, `table` the offset of the argument table (u32 offsets, argument 0 the
 * arena), `parallel` the entry of the thread pool, called for kernels of several chunks if there is more than one
 * thread. Throws on an operation that its type does not have and on vectors of other than 2, 4, 8 or 16 lanes.
 */
export function printC(program: LoopProgram): string {
  const unit = new Unit();
  const functions = new Map<string, string>();
  const definitions: string[] = [];
  const places: string[] = [];
  const table = program.kernels.map((kernel) => {
    const { text, places: own } = new FunctionPrinter(unit, kernel.body).kernel(kernel);
    let name = functions.get(text);
    if (name === undefined) {
      functions.set(text, (name = `k${functions.size}`));
      definitions.push(`\n// ${kernel.name.replace(/[\\\r\n]/g, ' ')}\nstatic ALONE void ${name}${text}`);
    }
    const first = places.length;
    places.push(...own.map(placeText));
    return `  {${name}, ${kernel.chunks?.count ?? 1}, ${first}},\n`;
  });
  return `${unit.text()}${callTypes}${definitions.join('')}
static const struct place places[] = {
${places.join('')}  {0, 0, 0},
};

static const struct {
  chunk_function function;
  i64 count, places;
} kernels[] = {
${table.join('')}  {0, 0, 0},
};

__attribute__((visibility("default"))) void nabla_run(address memory, address table, i32 threads,
                                                      address parallel, i32 first, i32 last) {
  struct call call = {(char *)memory, (const u32 *)(memory + table), 0};
  for (i32 k = first; k < last; k++) {
    const i64 count = kernels[k].count;
    call.places = places + kernels[k].places;
    if (count > 1 && threads > 1) {
      ((parallel_function)parallel)(kernels[k].function, &call, count, threads);
    } else {
      for (i64 chunk = 0; chunk < count; chunk++) kernels[k].function(&call, chunk, 0);
    }
  }
}
`;
}
