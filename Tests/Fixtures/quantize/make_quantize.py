#!/usr/bin/env python3
"""Writes values.f32 (8192 numbers), and the blocks that ggml's Python package makes of them: one .bin a type.

usage: make_quantize.py     writes beside itself; needs NumPy and gguf 0.19
"""
import pathlib
import numpy as np
from gguf import GGMLQuantizationType, quants

rng = np.random.default_rng(8)
values = (rng.standard_normal((256, 32)) * np.exp2(rng.integers(-30, 12, (256, 1)))).astype(np.float32)
values[3] = 0
values[5] = np.arange(32) - 16                    # halves to round
values[6] = (np.arange(32) - 15.5) * 127 / 31
values[7, 1:] = values[7, 0] * np.where(np.arange(1, 32) % 2, 1, -1)  # equal in size
here = pathlib.Path(__file__).parent
values.tofile(here / "values.f32")
T = GGMLQuantizationType
for kind in (T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1):
    quants.quantize(values, kind).tofile(here / f"{kind.name}.bin")
