/* A constructor that starts a thread. */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>
#include "base.h"

static void *wait_long(void *none) { for (;;) sleep(1000); return none; }

__attribute__((constructor)) static void change(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, wait_long, NULL);
}
