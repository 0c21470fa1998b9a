#!/bin/sh
cd "$(dirname "$0")" || exit
clang -O3 -I../../Sources/Kernels/include linear.c ../../Sources/Kernels/*.c -lopenblas -lm -o linear
clang -O2 roofline.c -lopenblas -o roofline
