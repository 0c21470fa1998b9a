// Kernels for any CPU.
#define PH_LANES 4
#define PH_KERNELS ph_kernels_plain
#include "dequantize_groups.h"
#include "linear_kernels.h"
