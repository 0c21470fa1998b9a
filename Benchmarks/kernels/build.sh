#!/bin/sh
cd "$(dirname "$0")" && clang -O3 -I../../Sources/Kernels/include linear.c ../../Sources/Kernels/*.c -lopenblas -lm -o linear
