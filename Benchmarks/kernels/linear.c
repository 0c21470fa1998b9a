// GFLOP/s of the frozen linear products beside OpenBLAS on ready float32 weights, one thread, SmolLM2-135M's shapes.
//
//     ./build.sh && OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=SkylakeX ./linear [type] [repeats]
//
// (Haswell for AVX2: with PEFT_HOST_CPU=avx2.) The type is a number as in a GGUF file; 3 is Q4_1. Weights are random
// bits with sane scales; every product has its own copy of the weights, so that they come from memory as in a model.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels.h"

void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                 int ldb, float beta, float *c, int ldc);
char *openblas_get_corename(void);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);  // of this thread: other work on the machine counts less
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float *floats(int64_t n) { return aligned_alloc(64, (size_t)((4 * n + 63) / 64 * 64)); }

static void ours(const ph_weight *w, int transposed, const float *x, float *y, int64_t n, void *scratch) {
    const int64_t in = transposed ? w->rows : w->cols, out = transposed ? w->cols : w->rows;
    const int64_t tiles = transposed ? ph_linear_t_tiles(w, n) : ph_linear_tiles(w, n);
    for (int64_t t = 0; t < tiles; t++)
        (transposed ? ph_linear_t_tile : ph_linear_tile)(w, x, in, y, out, n, 1, 0, t, scratch);
}

static void blas(const float *w, int rows, int cols, int transposed, const float *x, float *y, int n) {
    if (transposed)
        cblas_sgemm(101, 111, 111, n, cols, rows, 1, x, rows, w, cols, 0, y, cols);
    else
        cblas_sgemm(101, 111, 112, n, rows, cols, 1, x, cols, w, cols, 0, y, rows);
}

int main(int argc, char **argv) {
    const uint32_t type = argc > 1 ? (uint32_t)atoi(argv[1]) : PH_Q4_1;
    const int repeats = argc > 2 ? atoi(argv[2]) : 5;
    const int shapes[][2] = {{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {49152, 576}};
    const int64_t ns[] = {1, 8, 16, 17, 24, 64, 128, 256, 512};
    void *scratch = aligned_alloc(64, ph_linear_scratch_bytes());
    printf("type %u, CPU level %d, OpenBLAS %s; GFLOP/s ours/OpenBLAS (ratio)\n", type, ph_cpu_level(), openblas_get_corename());
    printf("%-22s", "out,in");
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++) printf(" %16d", (int)ns[i]);
    for (int transposed = 0; transposed < 2; transposed++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            const int64_t rows = shapes[s][0], cols = shapes[s][1];
            const int64_t row_bytes = cols / ph_block_values(type) * ph_block_bytes(type);
            const int copies = rows > 4096 ? 1 : (int)(16e6 / (rows * cols)) + 1;
            char *data = malloc((size_t)(copies * rows * row_bytes));
            for (int64_t i = 0; i < copies * rows * row_bytes; i++) data[i] = (char)rand();
            for (int64_t b = 0; type != PH_F32 && b < copies * rows * row_bytes; b += ph_block_bytes(type))
                memcpy(data + b, (uint16_t[]){0x2000, 0x2100}, ph_block_bytes(type) < 4 ? 2 : 4);
            if (type == PH_F32)
                for (int64_t i = 0; i < copies * rows * cols; i++) ((float *)data)[i] = (float)rand() / (float)RAND_MAX - 0.5f;
            float *dense = floats(copies * rows * cols);
            for (int64_t r = 0; r < copies * rows; r++) ph_dequantize(type, data + r * row_bytes, dense + r * cols, cols);
            printf("\n%-11s %5d,%5d", transposed ? "transposed" : "forward", (int)rows, (int)cols);
            for (size_t i = 0; i < sizeof ns / sizeof *ns; i++) {
                const int64_t n = ns[i], in = transposed ? rows : cols, out = transposed ? cols : rows;
                float *x = floats(n * in), *y = floats(n * out), *z = floats(n * out);
                for (int64_t j = 0; j < n * in; j++) x[j] = (float)rand() / (float)RAND_MAX - 0.5f;
                double best[2] = {1e9, 1e9};
                const int64_t block = rows * cols;
                const int used = n * copies > 512 ? (int)(512 / n) + 1 : copies;
                const int sweep = used < copies ? used : copies;
                for (int k = 0; k < repeats; k++) {
                    double t0 = now();
                    for (int c = 0; c < sweep; c++) {
                        ph_weight w = {data + c * rows * row_bytes, type, 0, rows, cols, row_bytes};
                        ours(&w, transposed, x, y, n, scratch);
                    }
                    double t1 = now();
                    for (int c = 0; c < sweep; c++) blas(dense + c * block, (int)rows, (int)cols, transposed, x, z, (int)n);
                    double t2 = now();
                    best[0] = fmin(best[0], t1 - t0), best[1] = fmin(best[1], t2 - t1);
                }
                double largest = 0, apart = 0;
                for (int64_t j = 0; j < n * out; j++) largest = fmax(largest, fabs(z[j])), apart = fmax(apart, fabs(y[j] - z[j]));
                if (!(apart <= 1e-4 * largest)) printf(" WRONG by %g of %g", apart, largest);
                const double flops = 2e-9 * (double)n * (double)block * sweep;
                printf("  %4.0f/%4.0f (%4.2f)", flops / best[0], flops / best[1], best[1] / best[0]);
                fflush(stdout);
                free(x), free(y), free(z);
            }
            free(data), free(dense);
        }
    printf("\n");
}
