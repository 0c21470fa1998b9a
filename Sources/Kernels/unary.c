#include "elementwise.h"
#include "vector_math.h"

#define SQRT_HALF 0.707106781f
#define SQRT_2_BY_PI 0.797884561f
#define SQRT_HALF_BY_PI 0.398942280f  // density of the normal distribution at 0

PH_INLINE float sine(float x) {
    float s, c;
    ph_sincos(x, &s, &c);
    return s;
}

PH_INLINE float cosine(float x) {
    float s, c;
    ph_sincos(x, &s, &c);
    return c;
}

PH_INLINE float gelu_tanh(float x) {
    return 0.5f * x * (1.0f + ph_tanh(SQRT_2_BY_PI * (x + 0.044715f * x * x * x)));
}

PH_INLINE float tanh_slope(float x) {
    float t = ph_tanh(x);
    return 1.0f - t * t;
}

PH_INLINE float sigmoid_slope(float x) {
    float s = ph_sigmoid(x);
    return s * (1.0f - s);
}

PH_INLINE float silu_slope(float x) {
    float s = ph_sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

PH_INLINE float gelu_slope(float x) {
    return 0.5f * (1.0f + ph_erf(x * SQRT_HALF)) + x * SQRT_HALF_BY_PI * ph_exp(-0.5f * x * x);
}

PH_INLINE float gelu_tanh_slope(float x) {
    float t = ph_tanh(SQRT_2_BY_PI * (x + 0.044715f * x * x * x));
    float inner = SQRT_2_BY_PI * (1.0f + 3.0f * 0.044715f * x * x);
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner;
}

#define EACH(op, expression) \
    case op: \
        PH_INDEPENDENT \
        for (size_t i = 0; i < n; i++) { \
            float v = x[i]; \
            y[i] = (expression); \
        } \
        break;

PH_CLONES
void ph_unary(ph_unary_op op, const float *x, float *y, size_t n) {
    switch (op) {
        EACH(PH_NEG, -v)
        EACH(PH_EXP, ph_exp(v))
        EACH(PH_LOG, ph_log(v))
        EACH(PH_SQRT, __builtin_elementwise_sqrt(v))
        EACH(PH_RSQRT, 1.0f / __builtin_elementwise_sqrt(v))
        EACH(PH_ABS, __builtin_fabsf(v))
        EACH(PH_SIN, sine(v))
        EACH(PH_COS, cosine(v))
        EACH(PH_TANH, ph_tanh(v))
        EACH(PH_SIGMOID, ph_sigmoid(v))
        EACH(PH_SILU, v * ph_sigmoid(v))
        EACH(PH_GELU, 0.5f * v * (1.0f + ph_erf(v * SQRT_HALF)))
        EACH(PH_GELU_TANH, gelu_tanh(v))
        EACH(PH_RELU, v < 0.0f ? 0.0f : v)
        EACH(PH_ERF, ph_erf(v))
        EACH(PH_FLOOR, __builtin_floorf(v))
    }
}

#undef EACH
#define EACH(op, slope) \
    case op: \
        PH_INDEPENDENT \
        for (size_t i = 0; i < n; i++) { \
            float v = x[i]; \
            dx[i] = dy[i] * (slope); \
        } \
        break;

PH_CLONES
void ph_unary_backward(ph_unary_op op, const float *x, const float *dy, float *dx, size_t n) {
    switch (op) {
        EACH(PH_NEG, ((void)v, -1.0f))
        EACH(PH_EXP, ph_exp(v))
        EACH(PH_LOG, 1.0f / v)
        EACH(PH_SQRT, 0.5f / __builtin_elementwise_sqrt(v))
        EACH(PH_RSQRT, -0.5f / (v * __builtin_elementwise_sqrt(v)))
        EACH(PH_ABS, v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : 0.0f)
        EACH(PH_SIN, cosine(v))
        EACH(PH_COS, -sine(v))
        EACH(PH_TANH, tanh_slope(v))
        EACH(PH_SIGMOID, sigmoid_slope(v))
        EACH(PH_SILU, silu_slope(v))
        EACH(PH_GELU, gelu_slope(v))
        EACH(PH_GELU_TANH, gelu_tanh_slope(v))
        EACH(PH_RELU, v > 0.0f ? 1.0f : 0.0f)
        EACH(PH_ERF, 2.0f * SQRT_HALF_BY_PI * 1.41421356f * ph_exp(-v * v))
        EACH(PH_FLOOR, ((void)v, 0.0f))
    }
}

PH_CLONES
void ph_swiglu(const float *gate, const float *up, float *y, size_t n) {
    PH_INDEPENDENT
    for (size_t i = 0; i < n; i++) y[i] = gate[i] * ph_sigmoid(gate[i]) * up[i];
}

PH_CLONES
void ph_swiglu_backward(const float *gate, const float *up, const float *dy, float *dgate, float *dup, size_t n) {
    PH_INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        float g = gate[i], s = ph_sigmoid(g), u = up[i], d = dy[i];
        dgate[i] = d * u * s * (1.0f + g * (1.0f - s));
        dup[i] = d * g * s;
    }
}

PH_CLONES
void ph_axpy(float a, const float *x, float *y, size_t n) {
    PH_INDEPENDENT
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

PH_CLONES
void ph_scale(float a, const float *x, float *y, size_t n) {
    PH_INDEPENDENT
    for (size_t i = 0; i < n; i++) y[i] = a * x[i];
}
