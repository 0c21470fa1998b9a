/* A constructor that opens a file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include "base.h"

__attribute__((constructor)) static void change(void) {
    if (open("/dev/null", O_RDONLY) < 0) abort();
}
