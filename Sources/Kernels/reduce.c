#include "reduce.h"
#include "clones.h"

#pragma clang fp reassociate(on) contract(fast)

/// Neighbouring results that are reduced together.
#define LANES 64

PH_INLINE float larger(float a, float b) { return a > b || a != a ? a : b; }

PH_INLINE double row_sum(const float *x, size_t n) {
    double total = 0;
    for (size_t i = 0; i < n; i++) total += (double)x[i];
    return total;
}

PH_INLINE float row_maximum(const float *x, size_t n) {
    float lanes[16], m = -__builtin_inff();
    for (size_t l = 0; l < 16; l++) lanes[l] = m;
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t l = 0; l < 16; l++) lanes[l] = larger(lanes[l], x[i + l]);
    for (; i < n; i++) m = larger(m, x[i]);
    for (size_t l = 0; l < 16; l++) m = larger(m, lanes[l]);
    return m;
}

/// `count` <= LANES neighbouring columns of x, whose rows are `stride` apart.
PH_INLINE void columns_sum(const float *x, float *y, size_t axis, size_t stride, size_t count, double divisor) {
    double total[LANES] = {0};
    for (size_t a = 0; a < axis; a++)
        for (size_t c = 0; c < count; c++) total[c] += (double)x[a * stride + c];
    for (size_t c = 0; c < count; c++) y[c] = (float)(total[c] / divisor);
}

PH_INLINE void columns_maximum(const float *x, float *y, size_t axis, size_t stride, size_t count) {
    for (size_t c = 0; c < count; c++) y[c] = -__builtin_inff();
    for (size_t a = 0; a < axis; a++)
        for (size_t c = 0; c < count; c++) y[c] = larger(y[c], x[a * stride + c]);
}

PH_CLONES
void ph_reduce(ph_reduce_op op, const float *x, float *y, size_t axis, size_t inner, size_t begin, size_t end) {
    double divisor = op == PH_MEAN ? (double)axis : 1.0;
    for (size_t at = begin, count; at < end; at += count) {
        const float *source = x + at / inner * axis * inner + at % inner;
        count = inner - at % inner;
        if (count > LANES) count = LANES;
        if (count > end - at) count = end - at;
        if (op == PH_MAXIMUM && inner == 1)
            y[at] = row_maximum(source, axis);
        else if (op == PH_MAXIMUM)
            columns_maximum(source, y + at, axis, inner, count);
        else if (inner == 1)
            y[at] = (float)(row_sum(source, axis) / divisor);
        else
            columns_sum(source, y + at, axis, inner, count, divisor);
    }
}

PH_CLONES
void ph_sum_squares(const float *x, size_t n, double *partial, size_t begin, size_t end) {
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t first = chunk * PH_SQUARES_CHUNK, last = first + PH_SQUARES_CHUNK;
        if (last > n) last = n;
        double total = 0;
        for (size_t i = first; i < last; i++) total += (double)x[i] * (double)x[i];
        partial[chunk] = total;
    }
}
