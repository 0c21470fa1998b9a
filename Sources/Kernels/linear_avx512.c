// Kernels for CPUs with AVX-512.
#if defined(__x86_64__)
#include <immintrin.h>
#define PH_LANES 16
#define PH_KERNELS ph_kernels_avx512
// Without the minimum the compiler cuts vectors of 512 bits in two.
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"), min_vector_width(512))), apply_to = function)
#include "dequantize_groups.h"
#include "linear_kernels.h"
#pragma clang attribute pop
#endif
