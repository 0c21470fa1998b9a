#include "allocations.h"

#include <stddef.h>

static int64_t count;

int64_t allocations_count(void) { return __atomic_load_n(&count, __ATOMIC_SEQ_CST); }

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
extern void *__libc_malloc(size_t size);

/// Stands before the C library's, for the whole process.
void *malloc(size_t size) {
    __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
    return __libc_malloc(size);
}
#endif
