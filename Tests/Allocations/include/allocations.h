#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H

#include <stdint.h>

/// How often malloc was called in this process, by any thread; 0 for ever under a sanitizer, which has its own.
int64_t allocations_count(void);

#endif
