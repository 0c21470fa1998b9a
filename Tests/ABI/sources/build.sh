#!/usr/bin/env bash
# Builds the plugins beside this file: build.sh FOLDER HOST. Each twice, first to ask its code for its manifest.
set -euo pipefail
folder=$1 host=$2
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for source in *.c; do
    name=${source%.c}
    library=lib${name^}.so
    build=("${CC:-cc}" -std=c11 -O2 -Wall -Wextra -shared -fPIC -I../../../Sources/PluginAPI/C/include
        "-Wl,--version-script=../../../Plugins/exports.map,-z,noexecstack" "$source")
    "${build[@]}" -o "$work/$library" -lm
    "$host" plugins manifest "$work/$library" >"$work/manifest.c"
    "${build[@]}" "$work/manifest.c" -o "$folder/$library" -lm
done
