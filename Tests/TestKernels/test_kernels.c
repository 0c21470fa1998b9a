#include "test_kernels.h"

#include <math.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

void tk_sine(const float *x, int64_t n, float scale, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = scale * sinf(x[i]);
}

void tk_sine_vjp(const float *x, int64_t n, float scale, const float *dy, float *dx) {
    for (int64_t i = 0; i < n; i++) dx[i] = scale * cosf(x[i]) * dy[i];
}

void tk_sine_wrong_vjp(const float *x, int64_t n, float scale, const float *dy, float *dx) {
    for (int64_t i = 0; i < n; i++) dx[i] = scale * cosf(x[i]) * dy[i] * 1.02f;
}

void tk_matmul(const float *a, const float *b, int64_t m, int64_t k, int64_t n, float *c) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            float sum = 0;
            for (int64_t l = 0; l < k; l++) sum += a[i * k + l] * b[l * n + j];
            c[i * n + j] = sum;
        }
}

void tk_matmul_vjp(const float *a, const float *b, int64_t m, int64_t k, int64_t n, const float *dc, float *da,
                   float *db) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t l = 0; l < k; l++) {
            float sum = 0;
            for (int64_t j = 0; j < n; j++) sum += dc[i * n + j] * b[l * n + j];
            da[i * k + l] = sum;
        }
    for (int64_t l = 0; l < k; l++)
        for (int64_t j = 0; j < n; j++) {
            float sum = 0;
            for (int64_t i = 0; i < m; i++) sum += a[i * k + l] * dc[i * n + j];
            db[l * n + j] = sum;
        }
}

void tk_saxpy(int32_t n, float alpha, const float *x, int32_t incx, float *y, int32_t incy) {
    for (int32_t i = 0; i < n; i++) y[i * incy] += alpha * x[i * incx];
}

float tk_sdot(int32_t n, const float *x, int32_t incx, const float *y, int32_t incy) {
    float sum = 0;
    for (int32_t i = 0; i < n; i++) sum += x[i * incx] * y[i * incy];
    return sum;
}

void tk_sdot_vjp(int32_t n, const float *x, const float *y, const float *d, float *dx, float *dy) {
    for (int32_t i = 0; i < n; i++) {
        dx[i] = d[0] * y[i];
        dy[i] = d[0] * x[i];
    }
}

void tk_relu(const float *x, int64_t n, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = x[i] > 0 ? x[i] : 0;
}

void tk_relu_vjp(const float *x, int64_t n, const float *dy, float *dx) {
    for (int64_t i = 0; i < n; i++) dx[i] = x[i] > 0 ? dy[i] : 0;
}

void tk_log(const float *x, int64_t n, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = logf(x[i]);
}

void tk_log_vjp(const float *x, int64_t n, const float *dy, float *dx) {
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] / x[i];
}

void tk_types(const int32_t *x, int32_t a, uint32_t b, int64_t c, uint64_t d, float e, double f, float *y) {
    y[0] = (float)x[0];
    y[1] = (float)a;
    y[2] = (float)b;
    y[3] = (float)c;
    y[4] = (float)d;
    y[5] = e;
    y[6] = (float)f;
}

void tk_flushing(const float *x, int64_t n, float *y) {
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
    for (int64_t i = 0; i < n; i++) y[i] = x[i];
}

void tk_writes_behind(const float *x, int64_t n, float scale, float *y) {
    tk_sine(x, n, scale, y);
    y[n] = 0;
}

void tk_writes_before(const float *x, int64_t n, float scale, float *y) {
    tk_sine(x, n, scale, y);
    y[-1] = 0;
}

void tk_writes_operand(float *x, int64_t n, float scale, float *y) {
    tk_sine(x, n, scale, y);
    x[0] = 0;
}

void tk_leaves_last(const float *x, int64_t n, float scale, float *y) { tk_sine(x, n - 1, scale, y); }

void tk_counts(const float *x, int64_t n, float scale, float *y) {
    static float count;
    tk_sine(x, n, scale, y);
    y[0] += count++;
}

void tk_not_a_number(const float *x, int64_t n, float scale, float *y) {
    tk_sine(x, n, scale, y);
    y[0] = NAN;
}

void tk_cumulates(const float *x, int64_t n, int64_t d, float *y) {
    for (int64_t i = 0; i < n * d; i++) y[i] = (i >= d ? y[i - d] : 0) + x[i];
}
