// GFLOP/s of attention, forward and backward, one thread, SmolLM2-135M's heads, causal rows. Counted is the half of the
// pairs that is seen: 4 d floating-point operations a pair forward, 10 d backward.
//
//     ./build.sh && ./attention [repeats]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels.h"

enum { HEADS = 9, KEY_HEADS = 3, SIZE = 64 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);  // of this thread: other work on the machine counts less
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float *randoms(size_t n) {
    float *x = aligned_alloc(64, (4 * n + 63) / 64 * 64);
    for (size_t i = 0; i < n; i++) x[i] = 4 * ((float)rand() / (float)RAND_MAX - 0.5f);
    return x;
}

int main(int argc, char **argv) {
    const int repeats = argc > 1 ? atoi(argv[1]) : 5;
    const int32_t lengths[] = {16, 64, 128, 512, 2048};
    printf("CPU level %d; GFLOP/s\n%8s %10s %10s\n", ph_cpu_level(), "tokens", "forward", "backward");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t n = (size_t)lengths[i], own = n * KEY_HEADS * SIZE, all = n * HEADS * SIZE;
        float *q = randoms(all), *k = randoms(own), *v = randoms(own), *dout = randoms(all);
        float *out = randoms(all), *lse = randoms(n * HEADS), *dq = randoms(all), *dk = randoms(own), *dv = randoms(own);
        const int32_t starts[] = {0, lengths[i]};
        const ph_attention a = {
            .rows = 1, .heads = HEADS, .key_heads = KEY_HEADS, .head_size = SIZE, .scale = 0.125f, .row_start = starts};
        const ph_attention_gradients to = {.dq = dq, .dk = dk, .dv = dv};
        float *scratch = aligned_alloc(64, (ph_attention_scratch(&a) * 4 + 63) / 64 * 64);
        const double pairs = 0.5e-9 * (double)n * (double)(n + 1) * HEADS * SIZE;
        const int times = (int)(0.1 / pairs) + 1;
        double best[2] = {1e9, 1e9};
        for (int r = 0; r < repeats; r++) {
            double t0 = now();
            for (int again = 0; again < times; again++)
                for (size_t t = 0; t < ph_attention_forward_tiles(&a); t++)
                    ph_attention_forward_tile(&a, q, k, v, NULL, NULL, out, lse, t, scratch);
            double t1 = now();
            for (int again = 0; again < times; again++)
                for (size_t t = 0; t < ph_attention_backward_tiles(&a, &to); t++)
                    ph_attention_backward_tile(&a, q, k, v, NULL, NULL, out, lse, dout, &to, t, scratch);
            double t2 = now();
            best[0] = fmin(best[0], (t1 - t0) / times), best[1] = fmin(best[1], (t2 - t1) / times);
        }
        printf("%8d %10.1f %10.1f\n", lengths[i], 4 * pairs / best[0], 10 * pairs / best[1]);
        free(q), free(k), free(v), free(dout), free(out), free(lse), free(dq), free(dk), free(dv), free(scratch);
    }
}
