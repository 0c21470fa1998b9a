/* What Swift cannot reach by itself. */
#ifndef HOST_SUPPORT_H
#define HOST_SUPPORT_H

#include <stdint.h>

/* The calling thread's floating-point control bits: rounding, flush-to-zero, exception masks. Not the sticky flags. */
uint64_t host_float_control(void);
/* Sets what host_float_control returned. */
void host_set_float_control(uint64_t control);

/* A new file without a name, in memory, closed in programs that are started; -1 and errno where there is none. */
int host_memory_file(void);

#endif
