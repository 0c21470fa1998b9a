#!/usr/bin/env python3
"""Writes the NF4 fixture, by NumPy alone: values.f32 (201, 96), stored.bin as the kernels lay a matrix out, and dequantized.f32.

The 16 numbers are those of QLoRA (Dettmers et al. 2023, arXiv:2305.14314, appendix E), printed to float32 as bitsandbytes'
get_4bit_type("nf4") has them; the 256 numbers of the 8-bit dynamic map are computed by its create_dynamic_map's formula. What is
done with them is bitsandbytes' quantize_4bit(blocksize=64, compress_statistics=True, quant_type="nf4"), with the mean of the
blocks' sizes taken in float64: libraries that add in float32 may have another last bit there.

usage: make_nf4.py     writes beside itself; needs NumPy
"""
import pathlib
import numpy as np

f32 = np.float32
NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023,
                1.0], dtype=f32)


def dynamic_map():
    numbers = [f32(0), f32(1)]
    for exponent in range(7):
        parts = 2 ** exponent
        step = (f32(1) - f32(0.1)) / f32(parts)
        # Each boundary is counted from the nearer end and rounded once.
        boundary = [f32(np.float64(f32(0.1)) + np.float64(step) * k) if k < (parts + 1) // 2
                    else f32(1 - np.float64(step) * (parts - k)) for k in range(parts + 1)]
        for left, right in zip(boundary, boundary[1:]):
            number = f32(10.0 ** (exponent - 6)) * ((left + right) / f32(2))
            numbers += [number, -number]
    return np.sort(np.array(numbers, dtype=f32))


def nearest(table, x):
    """The number of the nearest entry; the lower of two that are equally near."""
    return np.searchsorted((table[:-1] + table[1:]) / f32(2), x, side="left").astype(np.uint8)


def blocks_of(x, size):
    return [x[i:i + size] for i in range(0, len(x), size)]


def quantize(x, table, size):
    """Codes, and the largest size of each block."""
    largest = np.array([np.abs(block).max() for block in blocks_of(x, size)], dtype=f32)
    inverse = f32(1) / np.maximum(largest, f32(1e-38))
    return nearest(table, x * np.repeat(inverse, size)[:len(x)]), largest


def dequantize(codes, table, largest, size):
    return table[codes] * np.repeat(largest, size)[:len(codes)]


rng = np.random.default_rng(4)
values = (rng.standard_normal((201, 96)) * np.exp(rng.standard_normal((201, 1)))).astype(f32)
values[7] = 0                                     # blocks without any size
values[11, :15] = (NF4[:-1] + NF4[1:]) / f32(2)   # ties
values[11, 15:] = 0
values[11, 95] = 1
values[12, :32] = 0.125
values[20] *= f32(1e-30)
x, dynamic = values.reshape(-1), dynamic_map()

codes, absmax = quantize(x, NF4, 64)
mean = f32(absmax.astype(np.float64).mean())
scale_codes, scales = quantize(absmax - mean, dynamic, 256)
restored = dequantize(scale_codes, dynamic, scales, 256) + mean

here = pathlib.Path(__file__).parent
values.tofile(here / "values.f32")
(here / "stored.bin").write_bytes((codes[::2] << 4 | codes[1::2]).tobytes() + scale_codes.tobytes() + scales.tobytes() + mean.tobytes())
dequantize(codes, NF4, restored, 64).tofile(here / "dequantized.f32")
