#!/usr/bin/env python3
"""Merges an adapter of a language model into a folder of float32, and loads that with transformers: the tokenizer's ids, the logits and
24 greedy tokens must be those of peft-host with base and adapter.

usage: merged_model.py HOST ADAPTER_DIR WORK_DIR [TEXT…]
Exits with 0 when all ids and tokens are equal and the largest difference of logits is at most 1e-3. Needs requirements.txt.
"""
import json, subprocess, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

if len(sys.argv) < 4:
    sys.exit(__doc__)
host, adapter, work = sys.argv[1:4]
texts = sys.argv[4:] or ["The sea", "It's 12,345 o'clock, and nobody\n knows why…", "<|im_start|>user\nÀ bientôt!<|im_end|>\n"]


def ours(*arguments, stdin=""):
    return subprocess.run([host, *arguments], input=stdin, stdout=subprocess.PIPE, text=True, check=True).stdout


print(ours("merge", "--adapter", adapter, "--output", f"{work}/merged", "--type", "f32", "--overwrite"), end="")
tokenizer = AutoTokenizer.from_pretrained(f"{work}/merged")
model = AutoModelForCausalLM.from_pretrained(f"{work}/merged", dtype=torch.float32).eval()
worst, wrong = 0.0, 0
for text in texts:
    ids = json.loads(ours("tokenize", "--model", f"{work}/merged", "--json-lines", stdin=json.dumps(text) + "\n"))
    wrong += ids != tokenizer(text)["input_ids"]
    answer = json.loads(ours("logits", "--adapter", adapter, "--ids", ",".join(map(str, ids)), "--top", "100", "--greedy", "24"))
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
        greedy = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
                                max_new_tokens=24, min_new_tokens=24, pad_token_id=0, eos_token_id=None)[0, len(ids):].tolist()
    worst = max(worst, *(abs(float(logits[index]) - value) for index, value in zip(answer["top_ids"], answer["top_logits"], strict=True)))
    wrong += greedy != answer["continuation"]
print(f"{len(texts)} texts: largest difference of logits {worst:.2g}, {wrong} lists of tokens differ")
sys.exit(wrong > 0 or worst > 1e-3)
