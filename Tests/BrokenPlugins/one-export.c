/* Exports a second function. */
// cc: -Wl,--version-script=two.map
#include "base.h"
int helper(void);
int helper(void) { return 1; }
