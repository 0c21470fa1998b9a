#!/usr/bin/env python3
"""Writes a quantised Llama GGUF as a Hugging Face folder: config.json, model.safetensors, tokenizer.json, tokenizer_config.json.

usage: dequantize_gguf.py GGUF_FILE FOLDER [--f16]     --f16: half precision in place of float32
Needs requirements.txt. Byte-level BPE of the gpt-2 and smollm kinds; other tokenizers are an error.
"""
import argparse, json, os, pathlib, sys
import gguf, numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

arguments = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0].split("  ")[0])
arguments.add_argument("gguf"); arguments.add_argument("folder", type=pathlib.Path); arguments.add_argument("--f16", action="store_true")
arguments = arguments.parse_args()
reader = gguf.GGUFReader(arguments.gguf)


def field(name, default=None):
    return reader.fields[name].contents() if name in reader.fields else default


if field("general.architecture") != "llama" or "rope_freqs.weight" in (tensor.name for tensor in reader.tensors):
    sys.exit(f"{arguments.gguf}: only Llama models without rope scaling")
heads, hidden = field("llama.attention.head_count"), field("llama.embedding_length")
key_heads = field("llama.attention.head_count_kv", heads)
MODULES = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
           "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
           "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
NAMES = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}


def name_of(stored):
    if stored in NAMES:
        return NAMES[stored]
    _, layer, module, kind = stored.split(".")
    return f"model.layers.{layer}.{MODULES[module]}.{kind}"


def rows_in_order(stored, values):
    """GGUF keeps the two halves of each head of the query and key projections interleaved."""
    count = {"attn_q": heads, "attn_k": key_heads}.get(stored.split(".")[-2])
    return values if count is None else values.reshape(count, -1, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


tensors = {}
for tensor in reader.tensors:
    values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float16 if arguments.f16 else np.float32)
    tensors[name_of(tensor.name)] = np.ascontiguousarray(rows_in_order(tensor.name, values))

tokens, kinds = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.token_type")
if field("tokenizer.ggml.model") != "gpt2" or field("tokenizer.ggml.pre") not in ("gpt-2", "smollm"):
    sys.exit(f"{arguments.gguf}: its tokenizer is of another kind than gpt-2 and smollm")
merges = [tuple(merge.split(" ")) for merge in field("tokenizer.ggml.merges")]
tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
words = pre_tokenizers.ByteLevel(add_prefix_space=False)
digits = [pre_tokenizers.Digits(individual_digits=True)] if field("tokenizer.ggml.pre") == "smollm" else []
tokenizer.pre_tokenizer = pre_tokenizers.Sequence(digits + [words])
tokenizer.decoder = decoders.ByteLevel()
CONTROL = 3
tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token, kind in zip(tokens, kinds) if kind == CONTROL])

special = {key: field(f"tokenizer.ggml.{name}_token_id") for key, name in
           (("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding"))}
config = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": hidden,
    "intermediate_size": field("llama.feed_forward_length"), "num_hidden_layers": field("llama.block_count"),
    "num_attention_heads": heads, "num_key_value_heads": key_heads, "max_position_embeddings": field("llama.context_length"),
    "rms_norm_eps": field("llama.attention.layer_norm_rms_epsilon"), "rope_theta": field("llama.rope.freq_base", 10000.0),
    "vocab_size": len(tokens), "tie_word_embeddings": "lm_head.weight" not in tensors,
    "torch_dtype": "float16" if arguments.f16 else "float32",
    "bos_token_id": special["bos_token"], "eos_token_id": special["eos_token"],
}
arguments.folder.mkdir(parents=True, exist_ok=True)
tokenizer.save(str(arguments.folder / "tokenizer.json"))
settings = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": field("tokenizer.chat_template"),
            **{key: tokens[number] for key, number in special.items() if number is not None}}
(arguments.folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
(arguments.folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
# The weights last, and whole: a folder that has them is complete.
unfinished = arguments.folder / "model.safetensors.part"
save_file(tensors, unfinished, metadata={"format": "pt"})
os.replace(unfinished, arguments.folder / "model.safetensors")
