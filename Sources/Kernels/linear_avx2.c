// Kernels for CPUs with AVX2, FMA and F16C.
#if defined(__x86_64__)
#include <immintrin.h>
#define PH_LANES 8
#define PH_KERNELS ph_kernels_avx2
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "dequantize_groups.h"
#include "linear_kernels.h"
#pragma clang attribute pop
#endif
