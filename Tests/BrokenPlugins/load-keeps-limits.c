/* A constructor that lowers a limit. */
#define _GNU_SOURCE
#include <sys/resource.h>
#include "base.h"

__attribute__((constructor)) static void change(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur -= 1;
    setrlimit(RLIMIT_NOFILE, &limit);
}
