/* Does not come back from a host of ABI 0. */
#define ENTER if (host->abi_version < 1) abort();
#include "base.h"
