#include "norm.h"
#include "clones.h"

#pragma clang fp reassociate(on) contract(fast)

/// 1 / sqrt(mean(x^2) + eps) of one row.
PH_INLINE float row_rstd(const float *x, float eps, size_t C) {
    float squares = 0;
    for (size_t c = 0; c < C; c++) squares += x[c] * x[c];
    return 1.0f / __builtin_elementwise_sqrt(squares / (float)C + eps);
}

PH_INLINE void scaled_row(const float *x, float rstd, const float *w, float *y, size_t C) {
    if (w)
        PH_INDEPENDENT
        for (size_t c = 0; c < C; c++) y[c] = x[c] * rstd * w[c];
    else
        PH_INDEPENDENT
        for (size_t c = 0; c < C; c++) y[c] = x[c] * rstd;
}

PH_CLONES
void ph_rms_norm(const float *x, const float *w, float eps, float *y, float *rstd, size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
        float r = row_rstd(x + row * C, eps, C);
        if (rstd) rstd[row] = r;
        scaled_row(x + row * C, r, w, y + row * C, C);
    }
}

PH_CLONES
void ph_add_rms_norm(const float *a, const float *b, const float *w, float eps, float *sum, float *y, float *rstd,
                     size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
        float *s = sum + row * C;
        PH_INDEPENDENT
        for (size_t c = 0; c < C; c++) s[c] = a[row * C + c] + b[row * C + c];
        float r = row_rstd(s, eps, C);
        if (rstd) rstd[row] = r;
        scaled_row(s, r, w, y + row * C, C);
    }
}

// Inlines a row's function with what is known of its two optional operands: the loops then vectorise without masks.
#define WITH_OPTIONAL(row_function, w, extra, ...) \
    if (w && extra) \
        row_function(w, extra, __VA_ARGS__); \
    else if (w) \
        row_function(w, NULL, __VA_ARGS__); \
    else if (extra) \
        row_function(NULL, extra, __VA_ARGS__); \
    else \
        row_function(NULL, NULL, __VA_ARGS__)

PH_INLINE void rms_backward_row(const float *w, const float *extra, const float *x, float r, const float *dy, float *dx,
                                size_t C) {
    float product = 0;
    for (size_t c = 0; c < C; c++) product += dy[c] * (w ? w[c] : 1.0f) * x[c];
    float along = product / (float)C * r * r;
    PH_INDEPENDENT
    for (size_t c = 0; c < C; c++)
        dx[c] = r * (dy[c] * (w ? w[c] : 1.0f) - x[c] * along) + (extra ? extra[c] : 0.0f);
}

PH_CLONES
void ph_rms_norm_backward(const float *x, const float *w, const float *rstd, const float *dy, const float *residual,
                          float *dx, size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
        const float *extra = residual ? residual + row * C : NULL;
        WITH_OPTIONAL(rms_backward_row, w, extra, x + row * C, rstd[row], dy + row * C, dx + row * C, C);
    }
}

PH_CLONES
void ph_rms_norm_weight_gradient(const float *x, const float *rstd, const float *dy, float *dw, size_t N, size_t C,
                                 size_t begin, size_t end) {
    for (size_t c = begin; c < end; c++) dw[c] = 0;
    for (size_t row = 0; row < N; row++)
        for (size_t c = begin; c < end; c++) dw[c] += dy[row * C + c] * x[row * C + c] * rstd[row];
}

PH_INLINE void affine_row(const float *w, const float *b, const float *x, float m, float r, float *y, size_t C) {
    PH_INDEPENDENT
    for (size_t c = 0; c < C; c++) y[c] = (x[c] - m) * r * (w ? w[c] : 1.0f) + (b ? b[c] : 0.0f);
}

PH_CLONES
void ph_layer_norm(const float *x, const float *w, const float *b, float eps, float *y, float *mean, float *rstd,
                   size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
        const float *xr = x + row * C;
        float total = 0, squares = 0;
        for (size_t c = 0; c < C; c++) total += xr[c];
        float m = total / (float)C;
        for (size_t c = 0; c < C; c++) squares += (xr[c] - m) * (xr[c] - m);
        float r = 1.0f / __builtin_elementwise_sqrt(squares / (float)C + eps);
        if (mean) mean[row] = m;
        if (rstd) rstd[row] = r;
        WITH_OPTIONAL(affine_row, w, b, xr, m, r, y + row * C, C);
    }
}

PH_INLINE void layer_backward_row(const float *w, const float *extra, const float *x, float m, float r, const float *dy,
                                  float *dx, size_t C) {
    float total = 0, product = 0;
    for (size_t c = 0; c < C; c++) {
        float g = dy[c] * (w ? w[c] : 1.0f);
        total += g;
        product += g * (x[c] - m);
    }
    float constant = total / (float)C, along = product / (float)C * r * r;
    PH_INDEPENDENT
    for (size_t c = 0; c < C; c++)
        dx[c] = r * (dy[c] * (w ? w[c] : 1.0f) - constant - (x[c] - m) * along) + (extra ? extra[c] : 0.0f);
}

PH_CLONES
void ph_layer_norm_backward(const float *x, const float *w, const float *mean, const float *rstd, const float *dy,
                            const float *residual, float *dx, size_t C, size_t begin, size_t end) {
    for (size_t row = begin; row < end; row++) {
        const float *extra = residual ? residual + row * C : NULL;
        WITH_OPTIONAL(layer_backward_row, w, extra, x + row * C, mean[row], rstd[row], dy + row * C, dx + row * C, C);
    }
}

PH_CLONES
void ph_layer_norm_weight_gradient(const float *x, const float *mean, const float *rstd, const float *dy, float *dw,
                                   float *db, size_t N, size_t C, size_t begin, size_t end) {
    if (dw) {
        for (size_t c = begin; c < end; c++) dw[c] = 0;
        for (size_t row = 0; row < N; row++)
            for (size_t c = begin; c < end; c++) dw[c] += dy[row * C + c] * (x[row * C + c] - mean[row]) * rstd[row];
    }
    if (db) {
        for (size_t c = begin; c < end; c++) db[c] = 0;
        for (size_t row = 0; row < N; row++)
            for (size_t c = begin; c < end; c++) db[c] += dy[row * C + c];
    }
}
