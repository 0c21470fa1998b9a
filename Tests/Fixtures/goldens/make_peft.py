#!/usr/bin/env python3
"""Makes the cases vera-*, loha-*, lokr-*, oft-* and norm-*: what Hugging Face peft 0.21 computes with these methods on the
small models of ../tiny, in float32 (pip install torch transformers peft safetensors).

Usage: make_peft.py [CASE ...]. A case is written only if peft in float64, from the same start, meets a tenth of every tolerance of
ParityTests.swift; a tensor of final/ that does not is named in final_exempt. Random dropouts of peft cannot be repeated, and are 0."""
import copy
import json
import pathlib
import random
import sys
import warnings

import torch
from peft import (LNTuningConfig, LoHaConfig, LoKrConfig, OFTConfig, VeraConfig, get_peft_model, get_peft_model_state_dict,
                  set_peft_model_state_dict)
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, logging

HERE = pathlib.Path(__file__).parent
STEPS = 8
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
QV = ["q_proj", "v_proj"]
# Name: base, method; a case whose name ends with -cls is a classification of 3 labels.
CASES = {
    "vera-lm": ("b-tied-gqa", VeraConfig(r=16, bias="all", target_modules=QV)),
    "vera-all-cls": ("d-biases", VeraConfig(r=5, d_initial=0.3, projection_prng_key=3, target_modules=ALL)),
    "vera-key-lm": ("d-biases", VeraConfig(r=8, save_projection=False, projection_prng_key=7,
                                           target_modules=["k_proj", "down_proj"], layers_to_transform=[1])),
    "loha-lm": ("b-tied-gqa", LoHaConfig(r=4, alpha=8, target_modules=QV)),
    "loha-pattern-cls": ("a-llama", LoHaConfig(r=2, alpha=3, target_modules=ALL, rank_pattern={"down_proj": 5},
                                               alpha_pattern={r"layers\.0\.mlp\.up_proj": 7}, init_weights=False)),
    "lokr-lm": ("b-tied-gqa", LoKrConfig(r=3, alpha=6, target_modules=QV)),
    "lokr-both-cls": ("a-llama", LoKrConfig(r=1, alpha=2, decompose_both=True, decompose_factor=6, target_modules=ALL,
                                            rank_pattern={"down_proj": 2}, init_weights="lycoris")),
    "lokr-full-lm": ("a-llama", LoKrConfig(r=64, decompose_factor=4, rank_dropout_scale=True, init_weights=False,
                                           target_modules=["gate_proj", "o_proj"])),
    "oft-lm": ("b-tied-gqa", OFTConfig(oft_block_size=16, target_modules=QV)),
    "oft-cayley-cls": ("d-biases", OFTConfig(r=4, oft_block_size=0, use_cayley_neumann=False, bias="oft_only", target_modules=ALL)),
    "oft-coft-lm": ("a-llama", OFTConfig(oft_block_size=8, coft=True, eps=2e-2, num_cayley_neumann_terms=3, init_weights=False,
                                         target_modules=["k_proj", "up_proj"])),
    "oft-share-lm": ("a-llama", OFTConfig(oft_block_size=7, block_share=True, num_cayley_neumann_terms=7, module_dropout=0.1,
                                          target_modules=["q_proj", "down_proj"])),
    "norm-lm": ("b-tied-gqa", LNTuningConfig()),
    "norm-some-cls": ("a-llama", LNTuningConfig(target_modules=r".*\.(input_layernorm|norm)", exclude_modules=["0.input_layernorm"])),
}


def load(name, base):
    torch.manual_seed(7)
    kind = AutoModelForSequenceClassification if name.endswith("-cls") else AutoModelForCausalLM
    labels = {"num_labels": 3} if name.endswith("-cls") else {}
    return kind.from_pretrained(HERE / "../tiny" / base, dtype=torch.float32, attn_implementation="eager", **labels)


def start(name, base, config):
    """The adapted model, its zeros made live: a gradient that is zero at first would go unchecked."""
    config = copy.deepcopy(config)
    config.task_type = "SEQ_CLS" if name.endswith("-cls") else "CAUSAL_LM"
    model = load(name, base)
    torch.manual_seed(11)
    model = get_peft_model(model, config)
    with torch.no_grad():
        for _, p in trained(model):
            if float(p.abs().sum()) == 0:
                p.normal_(0, 0.05)
    return model


def trained(model):
    return [(k, p) for k, p in model.named_parameters() if p.requires_grad]


def loss_of(model, batch):
    """The mean over all targets; rows alone, so that there is no padding."""
    total, count = 0, 0
    for row, label in zip(batch["input_ids"], batch["labels"] or [None] * len(batch["input_ids"])):
        logits = model(input_ids=torch.tensor([row])).logits
        targets = torch.tensor([label]) if label is not None else torch.tensor(row[1:])
        logits = logits if label is not None else logits[0, :-1]
        total = total + torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        count += len(targets)
    return total / count


def replay(model, optimizer, batches):
    options = {k: v for k, v in optimizer.items() if k != "name"}
    adam = torch.optim.AdamW([p for _, p in trained(model)], **options)
    losses, norms = [], []
    model.train()
    for batch in batches:
        adam.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.stack([p.grad.norm() for _, p in trained(model)]).norm().item())
        adam.step()
    model.eval()
    probe = [10, 20, 30, 40, 50, 60, 70]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([probe])).logits[0]
    return losses, norms, probe, logits if logits.dim() == 1 else logits[-1]


def save(model, folder):
    model.peft_config["default"].base_model_name_or_path = "base"
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    (folder / "adapter_model.safetensors").chmod(0o644)


def distance(name, base, config, run, folder):
    """How far float64 is from the float32 run, and the final tensors where it is too far."""
    model = start(name, base, config)
    set_peft_model_state_dict(model, load_file(folder / "init/adapter_model.safetensors"))
    losses, norms, _, logits = replay(model.double(), run["optimizer"], run["batches"])
    relative = lambda a, b: max(abs(x - y) / max(abs(y), 1e-3) for x, y in zip(a, b))
    wanted = torch.tensor(run["probe"]["top_logits"], dtype=torch.float64)
    far = {"loss": relative(losses, run["loss"]), "grad_norm": relative(norms[:5], run["grad_norm"]),
           "probe": float((logits[run["probe"]["top_ids"]] - wanted).abs().max()), "final": 0.0, "moved": 0.0}
    initial, final = (load_file(folder / part / "adapter_model.safetensors") for part in ("init", "final"))
    exempt = []
    for key, value in get_peft_model_state_dict(model).items():
        value, want, old = value.double(), final[key].double(), initial[key].double()
        off, moved = float((value - want).norm()), float((want - old).norm())
        if off > 1e-3 * float(want.norm()) or off > 1e-2 * moved:
            exempt.append(key)
        elif moved:
            far["final"], far["moved"] = max(far["final"], off / float(want.norm())), max(far["moved"], off / moved)
    return far, exempt


def make(name, base, config):
    folder, is_cls, numbers = HERE / name, name.endswith("-cls"), random.Random(5)
    model = start(name, base, config)
    save(model, folder / "init")
    vocabulary = model.config.vocab_size
    batches = []
    for _ in range(STEPS):
        labels = [numbers.randrange(3) for _ in range(3)]
        rows = [[numbers.randrange(vocabulary) for _ in range(numbers.randrange(4, 14))] for _ in labels]
        batches.append({"input_ids": rows, "labels": labels if is_cls else None})
    optimizer = {"name": "AdamW", "lr": 5e-3 if is_cls else 1e-3, "weight_decay": 0.01, "betas": [0.9, 0.999], "eps": 1e-8}
    losses, norms, probe, logits = replay(model, optimizer, batches)
    save(model, folder / "final")
    top = torch.topk(logits, min(20, len(logits)))
    names = {k: list(p.shape) for k, p in trained(model)}
    run = {"task": "SEQ_CLS" if is_cls else "CAUSAL_LM", "num_labels": 3 if is_cls else None, "optimizer": optimizer,
           "batches": batches, "loss": losses, "grad_norm": norms, "trainable": names,
           "trainable_count": sum(p.numel() for _, p in trained(model)),
           "probe": {"input_ids": probe, "top_ids": top.indices.tolist(), "top_logits": top.values.tolist()}}
    run["float64"], run["final_exempt"] = distance(name, base, config, run, folder)
    far = run["float64"]
    is_steady = far["loss"] <= 1e-4 and far["grad_norm"] <= 5e-4 and far["probe"] <= 1e-3
    (folder / "run.json").write_text(json.dumps(run))
    print(name, run["trainable_count"], "%.4f %.4f" % (losses[0], losses[-1]), {k: f"{v:.0e}" for k, v in far.items()},
          run["final_exempt"])
    if not is_steady:
        sys.exit(f"{name}: float64 is too far")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    for name, (base, config) in CASES.items():
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, base, config)
