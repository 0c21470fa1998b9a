#include "elementwise.h"
#include "clones.h"
#include <math.h>

PH_INLINE float floored_mod(float a, float b) {
    float r = fmodf(a, b);
    return r != 0.0f && (r < 0.0f) != (b < 0.0f) ? r + b : r;
}

/// The larger of the two, NaN if either is NaN.
PH_INLINE float larger(float a, float b) { return a > b || a != a ? a : b; }
PH_INLINE float smaller(float a, float b) { return a < b || a != a ? a : b; }

#define STRIDED(expression) \
    for (size_t i = 0; i < n; i++) { \
        float u = a[(int64_t)i * sa], v = b[(int64_t)i * sb]; \
        y[i] = (expression); \
    }

// A loop with constant strides of 1 or 0 vectorises.
#define LOOPS(expression) \
    if (sa == 1 && sb == 1) \
        PH_INDEPENDENT \
        for (size_t i = 0; i < n; i++) { \
            float u = a[i], v = b[i]; \
            y[i] = (expression); \
        } \
    else if (sa == 1 && sb == 0) { \
        float v = b[0]; \
        PH_INDEPENDENT \
        for (size_t i = 0; i < n; i++) { \
            float u = a[i]; \
            y[i] = (expression); \
        } \
    } else if (sa == 0 && sb == 1) { \
        float u = a[0]; \
        PH_INDEPENDENT \
        for (size_t i = 0; i < n; i++) { \
            float v = b[i]; \
            y[i] = (expression); \
        } \
    } else \
        STRIDED(expression)

PH_CLONES
static void binary_row(ph_binary_op op, const float *a, int64_t sa, const float *b, int64_t sb, float *y, size_t n) {
    switch (op) {
        case PH_ADD: LOOPS(u + v) break;
        case PH_SUB: LOOPS(u - v) break;
        case PH_MUL: LOOPS(u * v) break;
        case PH_DIV: LOOPS(u / v) break;
        case PH_MAX: LOOPS(larger(u, v)) break;
        case PH_MIN: LOOPS(smaller(u, v)) break;
        case PH_POW: STRIDED(powf(u, v)) break;
        case PH_MOD: STRIDED(floored_mod(u, v)) break;
        case PH_EQ: LOOPS(u == v ? 1.0f : 0.0f) break;
        case PH_LT: LOOPS(u < v ? 1.0f : 0.0f) break;
        case PH_LE: LOOPS(u <= v ? 1.0f : 0.0f) break;
    }
}

PH_CLONES
static void where_row(const float *condition, int64_t sc, const float *a, int64_t sa, const float *b, int64_t sb,
                      float *y, size_t n) {
    if (sc == 1 && sa == 1 && sb == 1)
        PH_INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            float u = a[i], v = b[i];
            y[i] = condition[i] != 0.0f ? u : v;
        }
    else
        for (int64_t i = 0; i < (int64_t)n; i++) y[i] = condition[i * sc] != 0.0f ? a[i * sa] : b[i * sb];
}

/// The same map with as few axes as possible: sizes of 1 dropped, neighbours that step as one axis merged. Equal shapes
/// and scalars become one row, a vector along the last axis becomes rows of unit stride.
static ph_broadcast merged(const ph_broadcast *shape, int operands) {
    ph_broadcast result = {.rank = 0};
    for (int axis = 0; axis < shape->rank; axis++) {
        if (shape->size[axis] == 1) continue;
        int last = result.rank - 1, joins = last >= 0;
        for (int k = 0; k < operands && joins; k++)
            joins = result.stride[k][last] == shape->stride[k][axis] * shape->size[axis];
        int into = joins ? last : result.rank++;
        result.size[into] = (joins ? result.size[into] : 1) * shape->size[axis];
        for (int k = 0; k < operands; k++) result.stride[k][into] = shape->stride[k][axis];
    }
    if (result.rank == 0) result = (ph_broadcast){.rank = 1, .size = {1}};
    return result;
}

/// One run along the innermost axis: where each operand starts and how many elements.
typedef struct {
    int64_t offset[3];
    size_t count;
} run;

/// The run of `shape` that begins at element `at` and ends by `end`.
static run next_run(const ph_broadcast *shape, int operands, size_t at, size_t end) {
    run result = {.count = 0};
    size_t index = at;
    for (int axis = shape->rank - 1; axis >= 0; axis--) {
        int64_t position = (int64_t)(index % (size_t)shape->size[axis]);
        index /= (size_t)shape->size[axis];
        for (int k = 0; k < operands; k++) result.offset[k] += position * shape->stride[k][axis];
        if (axis == shape->rank - 1) result.count = (size_t)(shape->size[axis] - position);
    }
    if (result.count > end - at) result.count = end - at;
    return result;
}

void ph_binary_broadcast(ph_binary_op op, const float *a, const float *b, float *y, const ph_broadcast *shape,
                         size_t begin, size_t end) {
    ph_broadcast m = merged(shape, 2);
    int inner = m.rank - 1;
    run r;
    for (size_t at = begin; at < end; at += r.count) {
        r = next_run(&m, 2, at, end);
        binary_row(op, a + r.offset[0], m.stride[0][inner], b + r.offset[1], m.stride[1][inner], y + at, r.count);
    }
}

void ph_where_broadcast(const float *condition, const float *a, const float *b, float *y, const ph_broadcast *shape,
                        size_t begin, size_t end) {
    ph_broadcast m = merged(shape, 3);
    int inner = m.rank - 1;
    run r;
    for (size_t at = begin; at < end; at += r.count) {
        r = next_run(&m, 3, at, end);
        where_row(condition + r.offset[0], m.stride[0][inner], a + r.offset[1], m.stride[1][inner], b + r.offset[2],
                  m.stride[2][inner], y + at, r.count);
    }
}

void ph_binary(ph_binary_op op, const float *a, const float *b, float *y, size_t n) { binary_row(op, a, 1, b, 1, y, n); }

void ph_where(const float *condition, const float *a, const float *b, float *y, size_t n) {
    where_row(condition, 1, a, 1, b, 1, y, n);
}
