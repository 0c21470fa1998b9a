#include "cpu.h"

#include <stdlib.h>
#include <string.h>

static ph_cpu_level_t detected = PH_CPU_PLAIN;
static _Thread_local ph_cpu_level_t thread_limit = PH_CPU_AVX512;

/// Runs before main, so that no thread ever sees another value.
__attribute__((constructor)) static void detect(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4")) {
        detected = PH_CPU_AVX512;
    } else if (__builtin_cpu_supports("x86-64-v3")) {
        detected = PH_CPU_AVX2;
    }
#endif
    const char *names[] = {"plain", "avx2", "avx512"};
    const char *wanted = getenv("PEFT_HOST_CPU");
    for (int level = 0; wanted && level < (int)detected; level++) {
        if (strcmp(wanted, names[level]) == 0) detected = (ph_cpu_level_t)level;
    }
}

ph_cpu_level_t ph_cpu_level(void) { return thread_limit < detected ? thread_limit : detected; }

void ph_cpu_limit_thread(ph_cpu_level_t level) { thread_limit = level; }
