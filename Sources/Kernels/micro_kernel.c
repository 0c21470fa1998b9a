#include "micro_kernel.h"
#include "clones.h"

#pragma clang fp contract(fast)

typedef float wide __attribute__((ext_vector_type(16), aligned(4)));
typedef float narrow __attribute__((ext_vector_type(8), aligned(4)));

// `ROWS` rows of C by one vector of columns, held in registers over the whole of K.
#define BLOCK(VECTOR, ROWS) \
    { \
        VECTOR sum[ROWS]; \
        for (size_t r = 0; r < ROWS; r++) sum[r] = add ? *(const VECTOR *)(c + r * m.c_row) : (VECTOR)0; \
        for (size_t step = 0; step < K; step++) { \
            VECTOR row = *(const VECTOR *)(b + step * m.b_step); \
            for (size_t r = 0; r < ROWS; r++) sum[r] += a[r * m.a_row + step * m.a_step] * row; \
        } \
        for (size_t r = 0; r < ROWS; r++) *(VECTOR *)(c + r * m.c_row) = sum[r]; \
    }

/// Rows i..<i + ROWS of C, all columns: vectors of 16, then of 8, then single ones.
#define STRIP(ROWS) \
    { \
        const float *a = m.a + i * m.a_row; \
        size_t j = 0; \
        for (; j + 16 <= J; j += 16) { \
            const float *b = m.b + j; \
            float *c = m.c + i * m.c_row + j; \
            BLOCK(wide, ROWS) \
        } \
        for (; j + 8 <= J; j += 8) { \
            const float *b = m.b + j; \
            float *c = m.c + i * m.c_row + j; \
            BLOCK(narrow, ROWS) \
        } \
        for (; j < J; j++) { \
            const float *b = m.b + j; \
            float *c = m.c + i * m.c_row + j; \
            BLOCK(float, ROWS) \
        } \
    }

PH_CLONES __attribute__((min_vector_width(512)))
void ph_multiply(ph_product m, size_t I, size_t J, size_t K, bool add) {
    size_t i = 0;
    for (; i + 6 <= I; i += 6) STRIP(6)
    if (i + 4 <= I) {
        STRIP(4)
        i += 4;
    }
    for (; i < I; i++) STRIP(1)
}
