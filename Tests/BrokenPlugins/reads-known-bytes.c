/* Reads a function of a later revision without a look at struct_size. */
#define ENTER \
    const struct { peft_ops_1 known; const void *later; } *volatile table = host->table(host, "peft.ops/1"); \
    if (host->abi_version == 1 && host->abi_oldest == 1 && table) later = *(const void *volatile const *)&table->later;
#define DECLARATIONS static const void *volatile later;
#include "base.h"
