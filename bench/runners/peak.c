// The fewest milliseconds in which one thread does a million multiply-adds: independent chains of them in registers, no memory. The best
// of many short blocks, so that another process on the same core does not count.
#include <stdio.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#define CHAINS 24
#elif defined(__AVX__)
#define LANES 8
#define CHAINS 12
#else
#define LANES 4
#define CHAINS 12
#endif

#define ROUNDS 20000
#define BLOCKS 300

typedef float vector __attribute__((vector_size(4 * LANES)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(void) {
  // Read at run time, so that nothing is computed by the compiler.
  volatile float half = 0.5f, small = 1e-3f;
  vector sums[CHAINS], a, b;
  for (int i = 0; i < LANES; i++) {
    a[i] = half;
    b[i] = small;
  }
  for (int c = 0; c < CHAINS; c++) sums[c] = b * (float)c;
  double best = 1e9;
  for (int block = 0; block < BLOCKS; block++) {
    double start = now();
    for (long r = 0; r < ROUNDS; r++)
#pragma GCC unroll 24
      for (int c = 0; c < CHAINS; c++) sums[c] = sums[c] * a + b;
    double spent = now() - start;
    if (spent < best) best = spent;
  }
  float total = 0;
  for (int c = 0; c < CHAINS; c++)
    for (int i = 0; i < LANES; i++) total += sums[c][i];
  printf("%.9f\n", best * 1e6 / ((double)ROUNDS * CHAINS * LANES));
  // The result decides about the exit status, so that it is computed.
  return total == 12345.0f;
}
