/* Its blocks are never small enough for a small model. */
#define SMALLEST 32
#include "block.c"
