#ifndef PH_CLONES_H
#define PH_CLONES_H

/// Compiles a function once for each level of the x86-64 instruction set; the loader picks the level that the CPU has.
/// The thread sanitizer cannot run the resolvers, so it gets the portable version alone.
#if defined(__x86_64__) && !__has_feature(thread_sanitizer)
#define PH_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PH_CLONES
#endif

/// Before a loop whose iterations touch element i only: an output at the address of an input then vectorises too.
#define PH_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")

#define PH_INLINE static inline __attribute__((always_inline))

#endif
