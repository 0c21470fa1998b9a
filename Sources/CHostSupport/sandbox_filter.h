/* The system calls that a sandboxed process is refused. */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include <stdint.h>

/* Installs the filter: 0, or the errno. With `writes` it lets files be made, written, renamed and removed, which then others
 * must confine to a folder. */
int32_t enter_filter(int writes);

#endif
