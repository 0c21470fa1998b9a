#ifndef PH_SPIN_H
#define PH_SPIN_H

/// Tells the CPU that this thread only waits for another one.
static inline void ph_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

#endif
