#include "micro_kernel.h"
#include "clones.h"

#pragma clang fp contract(fast)

typedef float widest __attribute__((ext_vector_type(32), aligned(4)));
typedef float wide __attribute__((ext_vector_type(16), aligned(4)));
typedef float narrow __attribute__((ext_vector_type(8), aligned(4)));

// `ROWS` rows of C by one vector of columns, held in registers over the whole of K. The sum starts at 0 even if it is
// to be added, so that rounding errors grow with K and not with the number of additions to C.
#define BLOCK(VECTOR, ROWS) \
    { \
        const float *b = m.b + j; \
        float *c = m.c + i * m.c_row + j; \
        VECTOR sum[ROWS]; \
        for (size_t r = 0; r < ROWS; r++) sum[r] = (VECTOR)0; \
        for (size_t step = 0; step < K; step++) { \
            VECTOR row = *(const VECTOR *)(b + step * m.b_step); \
            for (size_t r = 0; r < ROWS; r++) sum[r] += a[r * m.a_row + step * m.a_step] * row; \
        } \
        for (size_t r = 0; r < ROWS; r++) { \
            VECTOR *to = (VECTOR *)(c + r * m.c_row); \
            *to = add ? *to + sum[r] : sum[r]; \
        } \
    }

/// Rows i..<i + ROWS of C, all columns: the widest vectors first, single columns last.
#define STRIP(ROWS) \
    { \
        const float *a = m.a + i * m.a_row; \
        size_t j = 0; \
        for (; many_registers && j + 32 <= J; j += 32) BLOCK(widest, ROWS) \
        for (; j + 16 <= J; j += 16) BLOCK(wide, ROWS) \
        for (; j + 8 <= J; j += 8) BLOCK(narrow, ROWS) \
        for (; j < J; j++) BLOCK(float, ROWS) \
    }

/// `many_registers`: six rows of 32 columns fit the registers (AVX-512), not just six of 16.
PH_INLINE void multiply(ph_product m, size_t I, size_t J, size_t K, bool add, bool many_registers) {
    size_t i = 0;
    for (; i + 6 <= I; i += 6) STRIP(6)
    if (i + 4 <= I) {
        STRIP(4)
        i += 4;
    }
    for (; i < I; i++) STRIP(1)
}

#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
static void multiply_v4(ph_product m, size_t I, size_t J, size_t K, bool add) { multiply(m, I, J, K, add, true); }

__attribute__((target("arch=x86-64-v3")))
static void multiply_v3(ph_product m, size_t I, size_t J, size_t K, bool add) { multiply(m, I, J, K, add, false); }
#endif

// Not PH_CLONES: the levels differ in the shape of their blocks.
void ph_multiply(ph_product m, size_t I, size_t J, size_t K, bool add) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4")) {
        multiply_v4(m, I, J, K, add);
        return;
    }
    if (__builtin_cpu_supports("x86-64-v3")) {
        multiply_v3(m, I, J, K, add);
        return;
    }
#endif
    multiply(m, I, J, K, add, false);
}
