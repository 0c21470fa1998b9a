/* A constructor that sleeps. */
#define _GNU_SOURCE
#include <unistd.h>
#include "base.h"

__attribute__((constructor)) static void change(void) {
    usleep(1200000);
}
