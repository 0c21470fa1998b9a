#!/usr/bin/env python3
"""Writes a Llama of any size with random Q4_1 weights, for measurements only: speed and memory do not depend on the numbers.

usage: random_model.py GGUF_FILE OUT [--hidden 2048] [--layers 16] [--inner 8192] [--heads 32] [--key-heads 8]
The tokenizer is GGUF_FILE's. Needs gguf (requirements.txt).
"""
import argparse
import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter

a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
a.add_argument("source"); a.add_argument("out")
for name, value in (("hidden", 2048), ("layers", 16), ("inner", 8192), ("heads", 32), ("key-heads", 8)):
    a.add_argument(f"--{name}", type=int, default=value)
a = a.parse_args()
source = GGUFReader(a.source)
writer = GGUFWriter(a.out, "llama")
writer.add_name("random"); writer.add_context_length(8192); writer.add_embedding_length(a.hidden); writer.add_block_count(a.layers)
writer.add_feed_forward_length(a.inner); writer.add_head_count(a.heads); writer.add_head_count_kv(a.key_heads)
writer.add_rope_dimension_count(a.hidden // a.heads); writer.add_rope_freq_base(100000.0); writer.add_layer_norm_rms_eps(1e-5)
for name, field in source.fields.items():
    if name.startswith("tokenizer."):
        kind = field.types[0]
        writer.add_key_value(name, field.contents(), kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)
vocabulary = len(source.fields["tokenizer.ggml.tokens"].data)
random = np.random.default_rng(0)


def matrix(name, rows, columns):
    """Blocks of 32 values: a scale of 2⁻⁷ and an offset of −2⁻⁴ as float16, and 16 bytes of random nibbles."""
    blocks = random.integers(0, 256, (rows, columns // 32, 20), dtype=np.uint8)
    blocks[:, :, :4] = np.array([2**-7, -(2**-4)], dtype=np.float16).view(np.uint8)
    writer.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=GGMLQuantizationType.Q4_1)


def norm(name):
    writer.add_tensor(name, np.ones(a.hidden, dtype=np.float32))


keys = a.hidden // a.heads * a.key_heads
matrix("token_embd.weight", vocabulary, a.hidden); norm("output_norm.weight")
for layer in range(a.layers):
    for name, rows, columns in (("attn_q", a.hidden, a.hidden), ("attn_k", keys, a.hidden), ("attn_v", keys, a.hidden), ("attn_output", a.hidden, a.hidden),
                                ("ffn_gate", a.inner, a.hidden), ("ffn_up", a.inner, a.hidden), ("ffn_down", a.hidden, a.inner)):
        matrix(f"blk.{layer}.{name}.weight", rows, columns)
    norm(f"blk.{layer}.attn_norm.weight"); norm(f"blk.{layer}.ffn_norm.weight")
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
