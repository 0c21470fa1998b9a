/* The system calls that a sandboxed process is refused. */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include <stdint.h>

/* Installs the filter: 0, or the errno. */
int32_t enter_filter(void);

#endif
