#!/bin/sh
cd "$(dirname "$0")" && ${CC:-cc} -c -fPIC -o manifest.o manifest.c && ${CXX:-c++} -std=c++17 -O2 -Wall -Wextra -fno-exceptions -fno-rtti -fno-threadsafe-statics -shared -fPIC -Wl,--version-script=exports.map,-z,noexecstack -o libMyMethod.so method.cpp manifest.o
