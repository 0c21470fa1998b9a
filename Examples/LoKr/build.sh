#!/bin/sh
cd "$(dirname "$0")" && ${RUSTC:-rustc} --edition 2021 --crate-type cdylib -O -C panic=abort -C strip=symbols -o "${1:-libLoKr.so}" lokr.rs
