#define _GNU_SOURCE
#include "host_support.h"

#if defined(__x86_64__)

#include <xmmintrin.h>

/* MXCSR bits 0 to 5 are sticky flags, not control. */
static const uint32_t sticky_flags = 0x3F;

uint64_t host_float_control(void) {
    uint16_t x87;
    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (uint64_t)x87 << 32 | (_mm_getcsr() & ~sticky_flags);
}

void host_set_float_control(uint64_t control) {
    uint16_t x87 = (uint16_t)(control >> 32);
    __asm__ volatile("fldcw %0" : : "m"(x87));
    _mm_setcsr((uint32_t)control);
}

#elif defined(__aarch64__)

uint64_t host_float_control(void) {
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}

void host_set_float_control(uint64_t control) { __asm__ volatile("msr fpcr, %0" : : "r"(control)); }

#else
#error "the floating-point control register of this processor is not known"
#endif
