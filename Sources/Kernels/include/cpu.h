#ifndef PH_CPU_H
#define PH_CPU_H

// Which instructions the kernels may use. Kernels with wide vectors are compiled once for each level.

typedef enum {
    PH_CPU_PLAIN = 0,   ///< the compiler's baseline
    PH_CPU_AVX2 = 1,    ///< AVX2, FMA and F16C (x86-64-v3)
    PH_CPU_AVX512 = 2,  ///< AVX-512 F, BW, CD, DQ, VL (x86-64-v4)
} ph_cpu_level_t;

/// The level in use: what the CPU and the system offer, lowered by the environment variable
/// PEFT_HOST_CPU=plain|avx2|avx512 (read once; other values are ignored) and by ph_cpu_limit_thread.
ph_cpu_level_t ph_cpu_level(void);

/// Lowers the level for calls from the calling thread, so that one process can compare levels. PH_CPU_AVX512 lifts the
/// limit. All tiles of one product must be run at one level.
void ph_cpu_limit_thread(ph_cpu_level_t level);

#endif
