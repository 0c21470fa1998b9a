#ifndef TEST_KERNELS_H
#define TEST_KERNELS_H

#include <stdint.h>

// Good ones.
void tk_sine(const float *x, int64_t n, float scale, float *y);
void tk_sine_vjp(const float *x, int64_t n, float scale, const float *dy, float *dx);
void tk_matmul(const float *a, const float *b, int64_t m, int64_t k, int64_t n, float *c);
void tk_matmul_vjp(const float *a, const float *b, int64_t m, int64_t k, int64_t n, const float *dc, float *da,
                   float *db);
// As cblas_saxpy and cblas_sdot.
void tk_saxpy(int32_t n, float alpha, const float *x, int32_t incx, float *y, int32_t incy);
float tk_sdot(int32_t n, const float *x, int32_t incx, const float *y, int32_t incy);
void tk_sdot_vjp(int32_t n, const float *x, const float *y, const float *d, float *dx, float *dy);
void tk_relu(const float *x, int64_t n, float *y);
void tk_relu_vjp(const float *x, int64_t n, const float *dy, float *dx);
void tk_log(const float *x, int64_t n, float *y);
void tk_log_vjp(const float *x, int64_t n, const float *dy, float *dx);
// Arguments of every type: a, b, c, d, e, f.
void tk_types(const int32_t *x, int32_t a, uint32_t b, int64_t c, uint64_t d, float e, double f, float *y);
// Turns denormals off and leaves it so.
void tk_flushing(const float *x, int64_t n, float *y);

// Broken ones, each by one rule.
void tk_sine_wrong_vjp(const float *x, int64_t n, float scale, const float *dy, float *dx);
void tk_writes_behind(const float *x, int64_t n, float scale, float *y);
void tk_writes_before(const float *x, int64_t n, float scale, float *y);
void tk_writes_operand(float *x, int64_t n, float scale, float *y);
void tk_leaves_last(const float *x, int64_t n, float scale, float *y);
void tk_counts(const float *x, int64_t n, float scale, float *y);
void tk_not_a_number(const float *x, int64_t n, float scale, float *y);
void tk_cumulates(const float *x, int64_t n, int64_t d, float *y);

#endif
