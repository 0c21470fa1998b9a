#include "softmax.h"
#include "vector_math.h"

#pragma clang fp reassociate(on) contract(fast)

/// Sums of e^x are taken in blocks of this many float32 terms, then in float64.
#define BLOCK 1024

PH_INLINE float largest(const float *x, size_t C) {
    float lanes[16];
    for (size_t l = 0; l < 16; l++) lanes[l] = x[0];
    size_t c = 0;
    for (; c + 16 <= C; c += 16)
        for (size_t l = 0; l < 16; l++) lanes[l] = x[c + l] > lanes[l] ? x[c + l] : lanes[l];
    float m = lanes[0];
    for (size_t l = 1; l < 16; l++) m = lanes[l] > m ? lanes[l] : m;
    for (; c < C; c++) m = x[c] > m ? x[c] : m;
    return m;
}

/// sum of e^(x - m).
PH_INLINE double exponentials(const float *x, float m, size_t C) {
    double total = 0;
    for (size_t c = 0; c < C; c += BLOCK) {
        size_t end = c + BLOCK < C ? c + BLOCK : C;
        float block = 0;
        for (size_t k = c; k < end; k++) block += ph_exp(x[k] - m);
        total += (double)block;
    }
    return total;
}

PH_CLONES
void ph_softmax(const float *x, float *y, size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
        const float *xr = x + row * C;
        float *yr = y + row * C, m = largest(xr, C);
        float scale = (float)(1.0 / exponentials(xr, m, C));
        PH_INDEPENDENT
        for (size_t c = 0; c < C; c++) yr[c] = ph_exp(xr[c] - m) * scale;
    }
}

PH_CLONES
void ph_softmax_backward(const float *y, const float *dy, float *dx, size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
        const float *yr = y + row * C, *dyr = dy + row * C;
        float *dxr = dx + row * C, product = 0;
        for (size_t c = 0; c < C; c++) product += yr[c] * dyr[c];
        PH_INDEPENDENT
        for (size_t c = 0; c < C; c++) dxr[c] = yr[c] * (dyr[c] - product);
    }
}

PH_CLONES
void ph_cross_entropy(const float *logits, const int32_t *target, float *loss, float *lse, size_t C, size_t begin,
                      size_t end) {
    for (size_t row = begin; row < end; row++) {
        const float *x = logits + row * C;
        float m = largest(x, C), spread = ph_log((float)exponentials(x, m, C));
        lse[row] = m + spread;
        loss[row] = target[row] < 0 ? 0.0f : spread - (x[target[row]] - m);
    }
}

PH_CLONES
void ph_cross_entropy_backward(const float *logits, const int32_t *target, const float *lse, const float *dloss,
                               float *dlogits, size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
        const float *x = logits + row * C;
        float *dx = dlogits + row * C, scale = dloss[row], l = lse[row];
        if (target[row] < 0) {
            PH_INDEPENDENT
            for (size_t c = 0; c < C; c++) dx[c] = 0;
            continue;
        }
        PH_INDEPENDENT
        for (size_t c = 0; c < C; c++) dx[c] = ph_exp(x[c] - l) * scale;
        dx[target[row]] -= scale;
    }
}

void ph_argmax(const float *x, int32_t *index, size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) ph_top_k(x + row * C, C, 1, index + row, &(float){0});
}

void ph_top_k(const float *x, size_t n, size_t k, int32_t *index, float *value) {
    if (k == 0) return;
    size_t held = 0;
    for (size_t i = 0; i < n; i++) {
        float v = x[i] == x[i] ? x[i] : -__builtin_inff();
        if (held == k && !(v > value[k - 1])) continue;
        size_t place = held < k ? held++ : k - 1;
        for (; place > 0 && v > value[place - 1]; place--) {
            value[place] = value[place - 1];
            index[place] = index[place - 1];
        }
        value[place] = v;
        index[place] = (int32_t)i;
    }
}
