#!/bin/sh
cd "$(dirname "$0")" || exit
for name in linear attention; do
    clang -O3 -I../../Sources/Kernels/include $name.c ../../Sources/Kernels/*.c -lopenblas -lm -o $name || exit
done
clang -O2 roofline.c -lopenblas -o roofline
