/* Divides by a number that is 0 after an error. */
#define BEGIN_INJECT volatile int64_t rank = settings->integer(t, "r"), parts = 64 / rank; (void)parts;
#include "base.h"
