/* Reads a table that it did not get. */
#define ENTER later = *(const volatile uint32_t *)host->table(host, "peft.calibration/1");
#define DECLARATIONS static volatile uint32_t later;
#include "base.h"
