/* Needs the Swift runtime of its machine. The test makes a library of that name. */
// cc: -Wl,--no-as-needed -lswiftCore
#include "base.h"
