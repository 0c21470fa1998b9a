#!/usr/bin/env python3
"""llama.cpp on a merged float32 GGUF file, and on the float32 base with the adapter as GGUF LoRA: 24 greedy tokens must be those of
peft-host with base and adapter. (With a quantised base or a half-precision cache llama.cpp's own numbers part ways sooner.)

usage: llamacpp.py HOST ADAPTER_DIR WORK_DIR [IDS…]     an adapter of plain LoRA, AdaLoRA or VeRA, for causal-lm
Exits with 0 when all tokens are equal. Needs llama-cpp-python.
"""
import itertools, json, subprocess, sys
import llama_cpp

if len(sys.argv) < 4:
    sys.exit(__doc__)
host, adapter, work = sys.argv[1:4]
prompts = [list(map(int, text.split(","))) for text in sys.argv[4:] or ["504,5511", "1,4093,198,1780", "30,31,32,33,34,35,36"]]


def ours(*arguments):
    return subprocess.run([host, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


ours("merge", "--adapter", adapter, "--output", f"{work}/merged.gguf", "--type", "f32", "--overwrite")
ours("export", "--gguf-lora", "--adapter", adapter, "--output", f"{work}/lora.gguf", "--overwrite")
base = json.load(open(f"{adapter}/adapter_config.json"))["base_model_name_or_path"]
ours("combine", "--adapter", f"{adapter}=0", "--model", base, "--output", f"{work}/nothing", "--overwrite")
ours("merge", "--adapter", f"{work}/nothing", "--model", base, "--output", f"{work}/base.gguf", "--type", "f32", "--overwrite")
wanted = [json.loads(ours("logits", "--adapter", adapter, "--ids", ",".join(map(str, ids)), "--greedy", "24"))["continuation"] for ids in prompts]
wrong = 0
for name, model, lora in [("merged", "merged", None), ("base with LoRA", "base", f"{work}/lora.gguf")]:
    llm = llama_cpp.Llama(f"{work}/{model}.gguf", n_ctx=256, type_k=0, type_v=0, flash_attn=False, lora_path=lora, verbose=False)
    same = []
    for ids, expected in zip(prompts, wanted):
        found = list(itertools.islice(llm.generate(ids, temp=0.0, repeat_penalty=1.0), 24))
        same.append(sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(found, expected))))
    wrong += same != [24] * len(prompts)
    print(f"{name}: {', '.join(map(str, same))} of 24 tokens are the same")
sys.exit(wrong > 0)
