/* Looks for libraries in a folder of the machine that it was built on. */
// cc: -Wl,-rpath,/opt/somewhere
#include "base.h"
