/* What Swift cannot reach by itself. */
#ifndef HOST_SUPPORT_H
#define HOST_SUPPORT_H

#include <stdint.h>

/* The calling thread's floating-point control bits: rounding, flush-to-zero, exception masks. Not the sticky flags. */
uint64_t host_float_control(void);
/* Sets what host_float_control returned. */
void host_set_float_control(uint64_t control);

#endif
