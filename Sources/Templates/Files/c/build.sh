#!/bin/sh
cd "$(dirname "$0")" && ${CC:-cc} -std=c11 -O2 -Wall -Wextra -shared -fPIC -Wl,--version-script=exports.map,-z,noexecstack -o libMyMethod.so method.c manifest.c
