/* A constructor that sets a variable. */
#include "base.h"

__attribute__((constructor)) static void change(void) {
    setenv("OMP_NUM_THREADS", "7", 1);
}
