/* Asks for executable stacks. */
// cc: -Wl,-z,execstack
#include "base.h"
