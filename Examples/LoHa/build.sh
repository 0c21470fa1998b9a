#!/bin/sh
cd "$(dirname "$0")" && ${CC:-cc} -x c -c -fPIC -o manifest.o manifest.c && ${CXX:-c++} -std=c++17 -O2 -Wall -Wextra -fno-exceptions -fno-rtti -fno-threadsafe-statics -shared -fPIC -I../../Sources/PluginAPI/C/include -Wl,--version-script=../../Plugins/exports.map,-z,noexecstack -static-libgcc -o "${1:-libLoHa.so}" loha.cpp manifest.o
