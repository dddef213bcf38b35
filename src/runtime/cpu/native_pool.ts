import type { Compiler } from './c_compiler.ts';
import { type Library, loadObject } from './native_load.ts';

/**
 * The threads of the native tier: one pool for all programs of a process, an object of its own. Threads are made when they are first
 * needed; a free one spins for about 20 microseconds and then sleeps. Chunks are claimed one by one from a counter
 * that carries the number of the job, so that a thread that comes late can neither run a chunk of another job nor be
 * waited for. A second caller (another worker of Node) finds the pool busy and runs its chunks itself.
 */
export const poolSource = `\
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#ifdef __APPLE__
#include <dlfcn.h>
#endif

struct call;
typedef void (*chunk_function)(const struct call *call, int64_t chunk, int32_t thread);

enum { most_threads = 256 };

/* Upper half: number of the job; lower half: the next chunk. No chunk is left at or above the job's count. */
static _Alignas(64) _Atomic uint64_t ticket = UINT32_MAX;
static _Alignas(64) _Atomic int64_t done;
static _Alignas(64) struct {
  _Atomic(chunk_function) function;
  _Atomic(const struct call *) call;
  _Atomic uint32_t count;
  _Atomic int32_t threads;
} job;
static _Alignas(64) _Atomic int32_t sleepers;
static _Atomic int32_t busy;
static int32_t workers = 0;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Claims and runs chunks of the job that is open, until there are none. */
static void work(int32_t thread) {
  for (;;) {
    uint64_t seen = atomic_load_explicit(&ticket, memory_order_acquire);
    chunk_function function = atomic_load_explicit(&job.function, memory_order_relaxed);
    const struct call *call = atomic_load_explicit(&job.call, memory_order_relaxed);
    const uint32_t count = atomic_load_explicit(&job.count, memory_order_relaxed);
    const int32_t threads = atomic_load_explicit(&job.threads, memory_order_relaxed);
    const uint32_t chunk = (uint32_t)seen;
    if (chunk >= count || thread >= threads) return;
    /* If the ticket is still the one seen, what was read between belongs to it: a job is written while no ticket is valid. */
    if (!atomic_compare_exchange_strong(&ticket, &seen, seen + 1)) continue;
    function(call, chunk, thread);
    atomic_fetch_add_explicit(&done, 1, memory_order_release);
  }
}

static void *worker(void *argument) {
  const int32_t thread = (int32_t)(intptr_t)argument;
  uint32_t last = 0;
  for (;;) {
    int64_t until = 0;
    for (uint32_t round = 0; (uint32_t)(atomic_load_explicit(&ticket, memory_order_acquire) >> 32) == last; round++) {
      pause_briefly();
      if (round % 32 != 31) continue;
      const int64_t time = now();
      if (until == 0) until = time + 20000;
      if (time < until) continue;
      pthread_mutex_lock(&lock);
      atomic_fetch_add(&sleepers, 1);
      while ((uint32_t)(atomic_load(&ticket) >> 32) == last) pthread_cond_wait(&wake, &lock);
      atomic_fetch_sub(&sleepers, 1);
      pthread_mutex_unlock(&lock);
    }
    last = (uint32_t)(atomic_load_explicit(&ticket, memory_order_acquire) >> 32);
    work(thread);
  }
  return 0;
}

/* A forked process has none of the threads. */
static void forget(void) {
  workers = 0;
  atomic_store(&sleepers, 0);
  atomic_store(&busy, 0);
  pthread_mutex_init(&lock, 0);
  pthread_cond_init(&wake, 0);
}

static void start(int32_t wanted) {
  static int prepared = 0;
  if (!prepared) {
    prepared = 1;
    pthread_atfork(0, 0, forget);
#ifdef __APPLE__
    /* The threads run in this object: it must stay when it is closed. Elsewhere the linker is told so. */
    Dl_info info;
    if (dladdr((void *)start, &info)) dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE);
#endif
  }
  /* Signals are for the threads of the process that expect them. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (workers < wanted) {
    pthread_t thread;
    if (pthread_create(&thread, 0, worker, (void *)(intptr_t)(workers + 1)) != 0) break;
    pthread_detach(thread);
    workers++;
  }
  pthread_sigmask(SIG_SETMASK, &before, 0);
}

static void parallel(chunk_function function, const struct call *call, int64_t count, int32_t threads) {
  if (threads > most_threads) threads = most_threads;
  if (count >= UINT32_MAX || atomic_exchange(&busy, 1)) {
    for (int64_t chunk = 0; chunk < count; chunk++) function(call, chunk, 0);
    return;
  }
  if (workers < threads - 1) start(threads - 1);
  const uint64_t number = (atomic_load_explicit(&ticket, memory_order_relaxed) >> 32) + 1;
  /* No thread may take a chunk while the job is being written. */
  atomic_store(&ticket, atomic_load_explicit(&ticket, memory_order_relaxed) | UINT32_MAX);
  atomic_store_explicit(&done, 0, memory_order_relaxed);
  atomic_store_explicit(&job.function, function, memory_order_relaxed);
  atomic_store_explicit(&job.call, call, memory_order_relaxed);
  atomic_store_explicit(&job.count, (uint32_t)count, memory_order_relaxed);
  atomic_store_explicit(&job.threads, threads, memory_order_relaxed);
  atomic_store(&ticket, number << 32);
  if (atomic_load(&sleepers) > 0) {
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&lock);
  }
  work(0);
  for (uint32_t round = 0; atomic_load_explicit(&done, memory_order_acquire) < count; round++) {
    /* A thread that has lost its processor needs one to finish. */
    if (round > 4096) sched_yield();
    else pause_briefly();
  }
  atomic_store(&busy, 0);
}

/* The address of the pool's entry. */
__attribute__((visibility("default"))) uintptr_t nabla_parallel(void) { return (uintptr_t)parallel; }

/* How many threads the pool has made, for tests. */
__attribute__((visibility("default"))) int32_t nabla_workers(void) { return workers; }
`;

let entry: number | bigint | null = null;

/** The address of the pool's entry point, the `parallel` of printed programs. One pool for the process, whatever compiler made it. */
export function poolEntry(compiler: Compiler): number | bigint {
  if (entry === null) {
    const library = openPool(compiler);
    entry = (library.func('uintptr_t nabla_parallel()') as unknown as () => number | bigint)();
  }
  return entry;
}

/** How many threads the pool has made so far. */
export function poolWorkers(compiler: Compiler): number {
  return (openPool(compiler).func('int32_t nabla_workers()') as unknown as () => number)();
}

/** Threads run in this object, so it may not be unloaded even if nobody holds it. */
const openPool = (compiler: Compiler): Library =>
  loadObject(
    compiler,
    poolSource,
    process.platform === 'linux' ? ['-pthread', '-Wl,-z,nodelete'] : ['-pthread'],
  );
