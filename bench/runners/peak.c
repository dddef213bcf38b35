// The most multiply-adds a second that one thread does: independent chains of fused multiply-adds in registers, no memory.
//   peak <millions of multiply-adds>     prints milliseconds
#include <stdio.h>
#include <stdlib.h>
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

typedef float vector __attribute__((vector_size(4 * LANES)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
  long rounds = (long)((argc > 1 ? atof(argv[1]) : 100) * 1e6 / (LANES * CHAINS));
  vector sums[CHAINS], a, b;
  for (int i = 0; i < LANES; i++) {
    a[i] = 0.5f + argc * 1e-3f;
    b[i] = 1e-3f * argc;
  }
  for (int c = 0; c < CHAINS; c++) sums[c] = b * (float)c;
  double start = now();
  for (long r = 0; r < rounds; r++)
#pragma GCC unroll 24
    for (int c = 0; c < CHAINS; c++) sums[c] = sums[c] * a + b;
  double spent = now() - start;
  float total = 0;
  for (int c = 0; c < CHAINS; c++)
    for (int i = 0; i < LANES; i++) total += sums[c][i];
  // The result decides about the exit status, so that it is computed.
  printf("%.6f\n", spent);
  return total == 12345.0f;
}
