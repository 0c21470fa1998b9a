"""greedy.json: what transformers' `generate` writes greedily with the tiny models, with and without a repetition penalty.

    python make_greedy.py          (torch 2, transformers 5; a second run gives the same bytes)
"""
import json, pathlib
import torch
from transformers import AutoModelForCausalLM

here = pathlib.Path(__file__).resolve().parent
cases = []
for folder in ("a-llama", "b-tied-gqa", "e-mistral-window"):
    model = AutoModelForCausalLM.from_pretrained(here.parent / "tiny" / folder, dtype=torch.float32)
    model.generation_config.eos_token_id = None
    for penalty in (1.0, 1.3):
        prompt = [5, 9, 2, 14, 7]
        ids = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, 5, dtype=torch.long), do_sample=False,
                             max_new_tokens=24, repetition_penalty=penalty, pad_token_id=0)
        cases.append({"model": folder, "prompt": prompt, "repetition_penalty": penalty, "continuation": ids[0, 5:].tolist()})
(here / "greedy.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
