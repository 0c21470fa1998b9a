#!/usr/bin/env python3
"""Makes the cases of CASES: what Hugging Face peft 0.21 computes with these methods on the small models of ../tiny, in float32
(pip install torch transformers peft safetensors).

Usage: make_peft.py [CASE ...]. A case is written only if peft in float64, from the same start, meets a tenth of every tolerance of
ParityTests.swift; a tensor of final/ that does not is named in final_exempt. Random dropouts of peft cannot be repeated, and are 0."""
import copy
import json
import pathlib
import random
import sys
import warnings

import torch
from peft import (AdaLoraConfig, AdaptionPromptConfig, IA3Config, LNTuningConfig, LoHaConfig, LoKrConfig, LoraConfig, OFTConfig,
                  PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, VeraConfig, get_peft_model, get_peft_model_state_dict)
from safetensors.torch import load_file, save_file
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
    # Modules of the base that train in full beside a method.
    "save-embed-lm": ("b-tied-gqa", LoraConfig(r=2, modules_to_save=["embed_tokens"])),
    "save-tied-lm": ("b-tied-gqa", IA3Config(modules_to_save=["embed_tokens", "lm_head"])),
    "save-norm-cls": ("a-llama", IA3Config(modules_to_save=["norm"])),
    "save-biases-lm": ("d-biases", LoraConfig(r=3, modules_to_save=["1.mlp.down_proj", "model.norm"])),
    "save-prefix-lm": ("b-tied-gqa", PrefixTuningConfig(num_virtual_tokens=3, modules_to_save=["norm"])),
    "save-adalora-lm": ("a-llama", AdaLoraConfig(init_r=3, target_r=2, total_step=STEPS, modules_to_save=["1.mlp"])),
    # Options of our own methods, in combinations.
    "lora-expression-lm": ("a-llama", LoraConfig(r=3, target_modules=r".*layers\.1\.(self_attn\.[qk]|mlp\.up)_proj", lora_alpha=5)),
    "lora-layers-cls": ("d-biases", LoraConfig(r=4, use_rslora=True, target_modules=["q_proj", "k_proj", "o_proj"], bias="all",
                                               layers_to_transform=[1], layers_pattern=["layers"])),
    "lora-biases-lm": ("d-biases", LoraConfig(r=2, target_modules=["k_proj", "down_proj"], bias="lora_only", lora_bias=True)),
    "lora-patterns-lm": ("a-llama", LoraConfig(r=2, target_modules="all-linear", use_rslora=True,
                                               rank_pattern={"down_proj": 3, r"^model\.layers\.0\.self_attn\.q_proj": 7},
                                               alpha_pattern={r"layers\.1\..*_proj": 3})),
    "lora-exclude-cls": ("a-llama", LoraConfig(r=2, target_modules="all-linear", exclude_modules=r".*\.0\.mlp\..*")),
    "lora-tables-lm": ("a-llama", LoraConfig(r=2, target_modules=["embed_tokens", "lm_head", "v_proj"], init_lora_weights=False)),
    "dora-biases-cls": ("d-biases", LoraConfig(r=2, use_dora=True, use_rslora=True, target_modules=["v_proj", "gate_proj"], bias="all")),
    "dora-table-lm": ("b-tied-gqa", LoraConfig(r=2, use_dora=True, target_modules=["embed_tokens", "q_proj"])),
    "adalora-odd-lm": ("b-tied-gqa", AdaLoraConfig(init_r=5, target_r=2, tinit=1, tfinal=1, deltaT=3, total_step=STEPS)),
    "adalora-all-cls": ("a-llama", AdaLoraConfig(init_r=3, target_r=1, tfinal=3, beta1=0.5, beta2=0.7, orth_reg_weight=0.1,
                                                 lora_alpha=5, target_modules="all-linear", total_step=STEPS)),
    "adalora-fraction-lm": ("d-biases", AdaLoraConfig(init_r=2, target_r=0.5, deltaT=2, total_step=STEPS)),
    "ia3-inner-lm": ("a-llama", IA3Config(target_modules=["q_proj", "up_proj", "down_proj"], feedforward_modules=["up_proj", "down_proj"])),
    "ia3-biases-cls": ("d-biases", IA3Config(exclude_modules=["1.self_attn.k_proj"], init_ia3_weights=False)),
    "prompt-vocabulary-lm": ("b-tied-gqa", PromptTuningConfig(num_virtual_tokens=5, prompt_tuning_init="SAMPLE_VOCAB")),
    "prompt-random-cls": ("a-llama", PromptTuningConfig(num_virtual_tokens=2)),
    "ptuning-narrow-lm": ("b-tied-gqa", PromptEncoderConfig(num_virtual_tokens=4, encoder_hidden_size=12)),
    "ptuning-deep-cls": ("a-llama", PromptEncoderConfig(num_virtual_tokens=3, encoder_reparameterization_type="LSTM",
                                                        encoder_num_layers=3, encoder_hidden_size=5)),
    "prefix-table-cls": ("b-tied-gqa", PrefixTuningConfig(num_virtual_tokens=4)),
    "prefix-narrow-lm": ("b-tied-gqa", PrefixTuningConfig(num_virtual_tokens=3, prefix_projection=True, encoder_hidden_size=10)),
    "llama-adapter-top-lm": ("b-tied-gqa", AdaptionPromptConfig(adapter_len=5, adapter_layers=1)),
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
        if label is None:
            # The last of the virtual tokens, where there are any, predicts the first of the row.
            row, logits = row[max(0, 1 + len(row) - logits.shape[1]):], logits[0, :-1]
        targets = torch.tensor([label]) if label is not None else torch.tensor(row)
        logits = logits[len(logits) - len(targets):]
        total = total + torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        count += len(targets)
    return total / count


def regularizer(model):
    """AdaLoRA's, which peft adds to a loss that the model computes itself: ours does not."""
    config = model.peft_config["default"]
    if not isinstance(config, AdaLoraConfig):
        return 0
    matrices = [p if "lora_A" in k else p.T for k, p in trained(model) if "lora_A" in k or "lora_B" in k]
    return config.orth_reg_weight * sum((m @ m.T - torch.eye(len(m), dtype=m.dtype)).norm() for m in matrices) / len(matrices)


def replay(model, optimizer, batches):
    """The loss, gradient norm and (AdaLoRA) entries that are not 0 of every step, and the probe with its logits after them."""
    options = {k: v for k, v in optimizer.items() if k != "name"}
    adam = torch.optim.AdamW([p for _, p in trained(model)], **options)
    is_adalora = isinstance(model.peft_config["default"], AdaLoraConfig)
    losses, norms, ranks = [], [], []
    model.train()
    for step, batch in enumerate(batches):
        adam.zero_grad()
        loss = loss_of(model, batch) + regularizer(model)
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.stack([p.grad.norm() for _, p in trained(model)]).norm().item())
        adam.step()
        if is_adalora:
            model.base_model.update_and_allocate(step)
            ranks.append({k: int((p != 0).sum()) for k, p in trained(model) if "lora_E" in k})
    if is_adalora:
        model.peft_config["default"].rank_pattern = None  # Saved as it is, unpruned.
    model.eval()
    probe = [10, 20, 30, 40, 50, 60, 70]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([probe])).logits[0]
    return losses, norms, ranks, probe, logits if logits.dim() == 1 else logits[-1]


def save(model, folder):
    model.peft_config["default"].base_model_name_or_path = "base"
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    (folder / "adapter_model.safetensors").chmod(0o644)


def distance(name, base, config, run, folder):
    """How far float64 is from the float32 run, and the final tensors where it is too far."""
    model = start(name, base, config)
    losses, norms, ranks, _, logits = replay(model.double(), run["optimizer"], run["batches"])
    if ranks != run.get("lora_E_nonzero", []):
        sys.exit(f"{name}: float64 keeps other ranks")
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
            far["final"], far["moved"] = max(far["final"], off / max(float(want.norm()), 1e-30)), max(far["moved"], off / moved)
    return far, exempt


def make(name, base, config):
    folder, is_cls, numbers = HERE / name, name.endswith("-cls"), random.Random(5)
    model = start(name, base, config)
    save(model, folder / "init")
    if name.startswith("ptuning") or getattr(config, "prefix_projection", False):
        # peft saves what an encoder computes, not the encoder.
        save_file({k: p.detach().clone() for k, p in trained(model)}, folder / "init/trainable_state.safetensors")
    vocabulary = model.config.vocab_size
    batches = []
    for _ in range(STEPS):
        labels = [numbers.randrange(3) for _ in range(3)]
        rows = [[numbers.randrange(vocabulary) for _ in range(numbers.randrange(4, 14))] for _ in labels]
        batches.append({"input_ids": rows, "labels": labels if is_cls else None})
    optimizer = {"name": "AdamW", "lr": 5e-3 if is_cls else 1e-3, "weight_decay": 0.01, "betas": [0.9, 0.999], "eps": 1e-8}
    losses, norms, ranks, probe, logits = replay(model, optimizer, batches)
    save(model, folder / "final")
    top = torch.topk(logits, min(20, len(logits)))
    names = {k: list(p.shape) for k, p in trained(model)}
    run = {"task": "SEQ_CLS" if is_cls else "CAUSAL_LM", "num_labels": 3 if is_cls else None, "optimizer": optimizer,
           "batches": batches, "loss": losses, "grad_norm": norms, "trainable": names,
           "trainable_count": sum(p.numel() for _, p in trained(model)),
           "probe": {"input_ids": probe, "top_ids": top.indices.tolist(), "top_logits": top.values.tolist()}}
    if ranks:
        run["lora_E_nonzero"] = ranks
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
