#!/bin/sh
cd "$(dirname "$0")" && ${CC:-cc} -std=c11 -O2 -Wall -Wextra -Wno-unused-parameter -shared -fPIC -I../../Sources/PluginAPI/C/include -Wl,--version-script=../../Plugins/exports.map,-z,noexecstack -o "${1:-libFourierFT.so}" fourierft.c manifest.c -lfftw3f -lm
