"""combined.json: logits of adapters that peft's `add_weighted_adapter` made of others, on the tiny models.

    python make_combined.py          (torch 2, transformers 5, peft 0.21; a second run gives the same bytes)

They were never trained and are written here (peft gives what it combines the rank and alpha patterns of the first, and its kind
of scale, which is wrong where they are not plain); each case has the weights, how they were combined, and the largest logits behind a prompt.
"""
import json, pathlib
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

here = pathlib.Path(__file__).resolve().parent
prompt = [5, 9, 2, 14, 7]


def base():
    return AutoModelForCausalLM.from_pretrained(here.parent / "tiny/a-llama", dtype=torch.float32)


torch.manual_seed(4)
for name, r, alpha, targets in [("first", 4, 8, ["q_proj", "v_proj"]), ("second", 3, 5, ["q_proj", "down_proj"]),
                                ("third", 4, 6, ["q_proj", "o_proj"])]:
    config = LoraConfig(r=r, lora_alpha=alpha, target_modules=sorted(targets), init_lora_weights=False, task_type="CAUSAL_LM")
    folder = here / name
    get_peft_model(base(), config).save_pretrained(folder)
    (folder / "README.md").unlink()
    written = json.loads((folder / "adapter_config.json").read_text()) | {"base_model_name_or_path": "base", "target_modules": sorted(targets)}
    (folder / "adapter_config.json").write_text(json.dumps(written, indent=2, sort_keys=True))
cases = []
two, other, all_three = ["first", "second"], ["first", "third"], ["first", "second", "third"]
for kind, names, weights, more in [
    ("cat", two, [0.7, 0.4], {}), ("cat", two, [1.0, -2.0], {}), ("svd", two, [0.7, 0.4], {"svd_rank": 3}),
    ("svd", two, [1.5, 1.0], {"svd_rank": 1}), ("svd", two, [0.7, 0.4], {"svd_rank": 40}),
    ("linear", other, [0.7, 0.4], {}), ("linear", other, [1.0, -0.5], {}),
    ("ties", other, [0.7, 0.4], {"density": 0.5}), ("ties", other, [1.0, -0.5], {"density": 0.3, "majority_sign_method": "frequency"}),
    ("magnitude_prune", other, [1.0, 1.0], {"density": 0.2}), ("dare_linear", other, [0.7, 0.4], {"density": 1.0}),
    ("dare_ties", other, [0.7, 0.4], {"density": 1.0}),
    ("ties_svd", all_three, [1.0, 0.5, 0.8], {"density": 0.4, "svd_rank": 5}),
    ("ties_svd", all_three, [1.0, 0.5, 0.8], {"density": 0.4, "majority_sign_method": "frequency"}),
    ("magnitude_prune_svd", all_three, [1.0, 0.5, 0.8], {"density": 0.1, "svd_rank": 2}),
    ("dare_linear_svd", two, [0.7, 0.4], {"density": 1.0, "svd_rank": 7}), ("dare_ties_svd", two, [0.7, 0.4], {"density": 1.0, "svd_rank": 6}),
]:
    model = PeftModel.from_pretrained(base(), here / names[0], adapter_name=names[0])
    for name in names[1:]:
        model.load_adapter(here / name, adapter_name=name)
    model.add_weighted_adapter(names, weights, "c", combination_type=kind, **more)
    model.set_adapter("c")
    model.eval()
    with torch.no_grad():
        top = model(torch.tensor([prompt])).logits[0, -1].topk(20)
    cases.append({"adapters": names, "weights": weights, "kind": kind} | more
                 | {"prompt": prompt, "top_ids": top.indices.tolist(), "top_logits": top.values.tolist()})
(here / "combined.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
