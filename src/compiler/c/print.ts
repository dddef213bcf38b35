import type { LoopProgram } from '../ir.ts';
import { FunctionPrinter } from './statements.ts';
import { Unit } from './unit.ts';

/** What the printer's functions and the thread pool agree on. */
export const callTypes = `\
struct call {
  char *memory;
  const u32 *table;
};
typedef void (*chunk_function)(const struct call *call, i64 chunk, i32 thread);
typedef void (*parallel_function)(chunk_function function, const struct call *call, i64 count, i32 threads);
`;

/**
 * A program as one C translation unit for GCC (9 or newer) or Clang (9 or newer), without any header. It needs `-fwrapv
 * -fno-strict-aliasing -ffp-contract=off` for what the loop IR promises, and the C library's math functions where f64 ones occur.
 *
 * It defines `nabla_run(memory, table, threads, parallel, first, last)`, which runs kernels `first` to `last - 1` in order:
 * `memory` is the address that byte offsets count from, `table` the offset of the argument table (u32 offsets, argument 0 the
 * arena), `parallel` the entry of the thread pool, called for kernels of several chunks if there is more than one
 * thread. Throws on an operation that its type does not have and on vectors of other than 2, 4, 8 or 16 lanes.
 */
export function printC(program: LoopProgram): string {
  const unit = new Unit();
  const kernels = program.kernels.map(
    (kernel, i) =>
      `\n// ${kernel.name.replace(/[\\\r\n]/g, ' ')}\n${new FunctionPrinter(unit, kernel.body).kernel(kernel, `k${i}`)}`,
  );
  const table = program.kernels.map(({ chunks }, i) => `  {k${i}, ${chunks?.count ?? 1}},\n`);
  return `${unit.text()}${callTypes}${kernels.join('')}
static const struct {
  chunk_function function;
  i64 count;
} kernels[] = {
${table.join('')}  {0, 0},
};

__attribute__((visibility("default"))) void nabla_run(address memory, address table, i32 threads,
                                                      address parallel, i32 first, i32 last) {
  const struct call call = {(char *)memory, (const u32 *)(memory + table)};
  for (i32 k = first; k < last; k++) {
    const i64 count = kernels[k].count;
    if (count > 1 && threads > 1) {
      ((parallel_function)parallel)(kernels[k].function, &call, count, threads);
    } else {
      for (i64 chunk = 0; chunk < count; chunk++) kernels[k].function(&call, chunk, 0);
    }
  }
}
`;
}
