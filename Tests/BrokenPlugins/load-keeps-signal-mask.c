/* A constructor that blocks a signal. */
#define _GNU_SOURCE
#include <signal.h>
#include "base.h"

__attribute__((constructor)) static void change(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
}
