"""combined.json: logits of adapters that peft's `add_weighted_adapter` made of two others, on the tiny models.

    python make_combined.py          (torch 2, transformers 5, peft 0.21; a second run gives the same bytes)

The two were never trained and are written here (peft gives what it combines the rank and alpha patterns of the first, and its kind
of scale, which is wrong where they are not plain); each case has the weights, how they were combined, and the largest logits behind a prompt.
"""
import json, pathlib
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

here = pathlib.Path(__file__).resolve().parent
first, second, prompt = here / "first", here / "second", [5, 9, 2, 14, 7]


def base():
    return AutoModelForCausalLM.from_pretrained(here.parent / "tiny/a-llama", dtype=torch.float32)


torch.manual_seed(4)
for folder, r, alpha, targets in [(first, 4, 8, ["q_proj", "v_proj"]), (second, 3, 5, ["q_proj", "down_proj"])]:
    config = LoraConfig(r=r, lora_alpha=alpha, target_modules=sorted(targets), init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(base(), config).save_pretrained(folder)
    (folder / "README.md").unlink()
    written = json.loads((folder / "adapter_config.json").read_text()) | {"base_model_name_or_path": "base", "target_modules": sorted(targets)}
    (folder / "adapter_config.json").write_text(json.dumps(written, indent=2, sort_keys=True))
cases = []
for kind, weights, rank in [("cat", [0.7, 0.4], None), ("cat", [1.0, -2.0], None), ("svd", [0.7, 0.4], 3), ("svd", [1.5, 1.0], 1),
                            ("svd", [0.7, 0.4], 40)]:
    model = PeftModel.from_pretrained(base(), first, adapter_name="a")
    model.load_adapter(second, adapter_name="b")
    model.add_weighted_adapter(["a", "b"], weights, "c", combination_type=kind, svd_rank=rank)
    model.set_adapter("c")
    model.eval()
    with torch.no_grad():
        top = model(torch.tensor([prompt])).logits[0, -1].topk(20)
    cases.append({"weights": weights, "kind": kind, "rank": rank, "prompt": prompt, "top_ids": top.indices.tolist(),
                  "top_logits": top.values.tolist()})
(here / "combined.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
