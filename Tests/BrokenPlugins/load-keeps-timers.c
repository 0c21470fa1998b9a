/* A constructor that sets an alarm. */
#define _GNU_SOURCE
#include <unistd.h>
#include "base.h"

__attribute__((constructor)) static void change(void) {
    alarm(3000);
}
