#!/usr/bin/env python3
"""Loads an adapter folder of peft-host with Hugging Face's peft and compares the classification logits of both on test rows.

usage: peft_loads_adapter.py HOST GGUF_FILE ADAPTER_DIR TEST_TSV [ROWS]     ROWS: 20
Exits with 0 when every tensor of the file is loaded and the largest difference is at most 1e-3. Needs requirements.txt.
"""
import csv, itertools, json, os, subprocess, sys
import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

TOLERANCE = 1e-3
if not 5 <= len(sys.argv) <= 6:
    sys.exit(__doc__)
host, gguf, adapter, test = sys.argv[1:5]
folder, name = os.path.split(gguf)
stored = load_file(os.path.join(adapter, "adapter_model.safetensors"))
classes = next(tensor.shape[0] for key, tensor in stored.items() if key.endswith("score.weight"))

tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
base = AutoModelForSequenceClassification.from_pretrained(folder, gguf_file=name, dtype=torch.float32, num_labels=classes)
base.config.pad_token_id = tokenizer.pad_token_id
model = PeftModel.from_pretrained(base, adapter).eval()

# peft ignores a tensor whose name it does not expect: so what it holds afterwards must be what the file holds.
loaded = get_peft_model_state_dict(model)
different = sorted(key for key in stored.keys() | loaded.keys()
                   if key not in stored or key not in loaded or not torch.equal(stored[key], loaded[key]))
if different:
    sys.exit(f"peft did not load {len(different)} of {len(stored)} tensors: {', '.join(different[:5])}")


def host_logits(ids):
    command = [host, "logits", "--model", gguf, "--adapter", adapter, "--task", "seq-cls", "--ids", ",".join(map(str, ids)),
               "--top", str(classes)]
    answer = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    by_class = dict(zip(answer["top_ids"], answer["top_logits"], strict=True))
    return torch.tensor([by_class[index] for index in range(classes)])


with open(test, encoding="utf-8") as file:
    rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
    texts = [row["text"] for row in itertools.islice(rows, int(sys.argv[5]) if len(sys.argv) == 6 else 20)]
differences = []
for text in texts:
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        theirs = model(input_ids=torch.tensor([ids])).logits[0]
    differences.append((host_logits(ids) - theirs).abs())
worst = torch.cat(differences).max().item()  # NaN where one is
print(f"{len(stored)} tensors loaded; largest difference of {len(texts) * classes} logits: {worst:.2e} (at most {TOLERANCE:.0e})")
sys.exit(not worst <= TOLERANCE)
