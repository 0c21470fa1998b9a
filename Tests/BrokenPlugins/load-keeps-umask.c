/* A constructor that sets the file mode creation mask. */
#define _GNU_SOURCE
#include <sys/stat.h>
#include "base.h"

__attribute__((constructor)) static void change(void) {
    umask(0);
}
