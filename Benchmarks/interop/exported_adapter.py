#!/usr/bin/env python3
"""Exports an adapter of a language model with --portable, loads that with peft on a base that transformers reads, and compares the
logits with those of peft-host and the adapter itself.

usage: exported_adapter.py HOST BASE_DIR ADAPTER_DIR WORK_DIR [IDS…]     BASE_DIR: a Hugging Face folder, the adapter's base
Exits with 0 when peft holds every tensor of the file, and the largest difference is at most 1e-3. Needs requirements.txt.
"""
import json, subprocess, sys
import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

if len(sys.argv) < 5:
    sys.exit(__doc__)
host, base, adapter, work = sys.argv[1:5]
rows = sys.argv[5:] or ["5,9,2,14,7", "1", "30,31,32,33,34,35,36,37,38,39,40"]


def ours(*arguments):
    return subprocess.run([host, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


print(ours("export", "--portable", "--adapter", adapter, "--model", base, "--output", f"{work}/portable", "--overwrite"), end="")
stored = load_file(f"{work}/portable/adapter_model.safetensors")
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), f"{work}/portable").eval()
loaded = get_peft_model_state_dict(model)
different = [key for key in stored.keys() | loaded.keys() if key not in stored or key not in loaded or not torch.equal(stored[key], loaded[key])]
worst = 0.0
for row in rows:
    answer = json.loads(ours("logits", "--model", base, "--adapter", adapter, "--ids", row, "--top", "100"))
    with torch.no_grad():
        logits = model(torch.tensor([list(map(int, row.split(",")))])).logits[0, -1]
    worst = max(worst, *(abs(float(logits[index]) - value) for index, value in zip(answer["top_ids"], answer["top_logits"], strict=True)))
print(f"{len(stored)} tensors, {len(different)} of them others in peft; largest difference of logits {worst:.2g}")
sys.exit(bool(different) or worst > 1e-3)
