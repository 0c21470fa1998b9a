#define R_SUMMARY " "
#include "base.h"
