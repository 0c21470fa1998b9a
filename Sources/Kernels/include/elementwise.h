#ifndef PH_ELEMENTWISE_H
#define PH_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

// Functions of single elements. The output may be one of the inputs (the same address, never a shifted one).
// Work is divided by calling with sub-ranges; every element depends on its own inputs only.

typedef enum {
    PH_NEG,
    PH_EXP,
    PH_LOG,
    PH_SQRT,
    PH_RSQRT,
    PH_ABS,
    PH_SIN,
    PH_COS,
    PH_TANH,
    PH_SIGMOID,
    PH_SILU,       ///< x sigmoid(x)
    PH_GELU,       ///< x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel 2016)
    PH_GELU_TANH,  ///< x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, the approximation of the same paper
    PH_RELU,
    PH_ERF,
    PH_FLOOR,
} ph_unary_op;

/// y[i] = op(x[i]), i < n.
void ph_unary(ph_unary_op op, const float *x, float *y, size_t n);

/// dx[i] = dy[i] op'(x[i]), i < n. The slope of abs and relu at 0 is 0; that of floor is 0 everywhere.
void ph_unary_backward(ph_unary_op op, const float *x, const float *dy, float *dx, size_t n);

typedef enum {
    PH_ADD,
    PH_SUB,
    PH_MUL,
    PH_DIV,
    PH_MAX,  ///< NaN if either is NaN
    PH_MIN,  ///< NaN if either is NaN
    PH_POW,  ///< C99 pow
    PH_MOD,  ///< floored: the sign of the divisor
    PH_EQ,   ///< this and the next two give 1 or 0
    PH_LT,
    PH_LE,
} ph_binary_op;

/// How up to three operands, each with strides of its own, map to one contiguous row-major result.
typedef struct {
    int32_t rank;          ///< 0...6
    int64_t size[6];       ///< of the result, outermost first
    int64_t stride[3][6];  ///< in elements, for each operand; 0 repeats it along that axis
} ph_broadcast;

/// y[i] = op(a[i], b[i]), i < n.
void ph_binary(ph_binary_op op, const float *a, const float *b, float *y, size_t n);

/// The elements begin..<end (row-major) of y = op(a, b); y points to the whole result.
void ph_binary_broadcast(ph_binary_op op, const float *a, const float *b, float *y, const ph_broadcast *shape,
                         size_t begin, size_t end);

/// The elements begin..<end of y = condition != 0 ? a : b; operands in the order condition, a, b.
void ph_where_broadcast(const float *condition, const float *a, const float *b, float *y, const ph_broadcast *shape,
                        size_t begin, size_t end);

/// y[i] = condition[i] != 0 ? a[i] : b[i], i < n.
void ph_where(const float *condition, const float *a, const float *b, float *y, size_t n);

/// y = silu(gate) up (Shazeer 2020, SwiGLU), n elements.
void ph_swiglu(const float *gate, const float *up, float *y, size_t n);

/// dgate = dy up silu'(gate), dup = dy silu(gate), n elements. Outputs may be any of the inputs, one each.
void ph_swiglu_backward(const float *gate, const float *up, const float *dy, float *dgate, float *dup, size_t n);

/// y += a x.
void ph_axpy(float a, const float *x, float *y, size_t n);

/// y = a x.
void ph_scale(float a, const float *x, float *y, size_t n);

#endif
