#ifndef PEFT_HOST_KERNELS_H
#define PEFT_HOST_KERNELS_H
#include "cpu.h"
#include "dequantize.h"
#include "gemm.h"
#include "linear.h"
#endif
