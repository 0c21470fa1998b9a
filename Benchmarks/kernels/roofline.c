// Tokens/s of the products that a step of LoRA on q and v cannot do without, alone, with OpenBLAS on ready float32 weights:
// every linear layer forward, and its gradient with regard to its input. A classifier's top layer needs what stands behind
// attention at one token a row only, and below q, k and v of the first layer nothing trains. The shapes are SmolLM2-135M's.
//
//     OPENBLAS_NUM_THREADS=2 OPENBLAS_CORETYPE=Haswell ./roofline TOKENS ROWS [SECONDS]
//
// Haswell for AVX2, SkylakeX for AVX-512: OpenBLAS may choose worse by itself. Every layer has weights of its own.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                 int ldb, float beta, float *c, int ldc);
char *openblas_get_corename(void);

enum { LAYERS = 30, HIDDEN = 576, KEYS = 192, INNER = 1536, BEHIND_ATTENTION = 3 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float *filled(size_t count) {
    float *x = aligned_alloc(64, (count * sizeof *x + 63) / 64 * 64);
    for (size_t i = 0; i < count; i++) x[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    return x;
}

static int tokens(int layer, int kind, int n, int rows) {
    return layer == LAYERS - 1 && kind >= BEHIND_ATTENTION ? rows : n;
}

int main(int argc, char **argv) {
    const int n = argc > 1 ? atoi(argv[1]) : 128;
    const int rows = argc > 2 ? atoi(argv[2]) : 8;
    const double least = argc > 3 ? atof(argv[3]) : 5;
    const int shapes[][2] = {{HIDDEN, HIDDEN}, {KEYS, HIDDEN},   {KEYS, HIDDEN},  {HIDDEN, HIDDEN},
                             {INNER, HIDDEN},  {INNER, HIDDEN}, {HIDDEN, INNER}};
    enum { KINDS = sizeof shapes / sizeof *shapes };
    float *weights[LAYERS][KINDS], *x = filled((size_t)n * INNER), *y = filled((size_t)n * INNER);
    for (int layer = 0; layer < LAYERS; layer++)
        for (int i = 0; i < KINDS; i++) weights[layer][i] = filled((size_t)shapes[i][0] * (size_t)shapes[i][1]);
    int steps = -1;  // the first warms up
    double begun = now();
    for (; steps < 3 || now() - begun < least; steps++) {
        if (steps == 0) begun = now();
        for (int layer = 0; layer < LAYERS; layer++)
            for (int i = 0; i < KINDS; i++)
                cblas_sgemm(101, 111, 112, tokens(layer, i, n, rows), shapes[i][0], shapes[i][1], 1, x, shapes[i][1], weights[layer][i],
                            shapes[i][1], 0, y, shapes[i][0]);
        for (int layer = LAYERS - 1; layer >= 0; layer--)
            for (int i = layer > 0 ? 0 : BEHIND_ATTENTION; i < KINDS; i++)
                cblas_sgemm(101, 111, 111, tokens(layer, i, n, rows), shapes[i][1], shapes[i][0], 1, x, shapes[i][0], weights[layer][i],
                            shapes[i][1], 0, y, shapes[i][1]);
    }
    printf("{\"tokens_per_second\": %.1f, \"kernels\": \"%s\"}\n", steps * n / (now() - begun), openblas_get_corename());
}
