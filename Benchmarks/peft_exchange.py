#!/usr/bin/env python3
"""Trains tiny models with every form of LoRA and (IA)3 in Hugging Face's peft and in peft-host, lets each open what the other
wrote, and compares the logits: both ways, and there and back.

usage: peft_exchange.py HOST [NAME …]     HOST: the built peft-host; NAME: some of the cases
Exits with 0 when no logit differs by more than 1e-3 of the largest one. Needs requirements.txt.
"""
import json, pathlib, subprocess, sys, tempfile
import torch
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

TOLERANCE = 1e-3
FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/tiny"
PROBE, TRAIN, STEPS, RATE = [5, 17, 200, 33, 8, 91, 4, 60], [7, 3, 250, 11, 90, 14], 6, 2e-2
CASES = {  # the model, and the fields of the config (of LoRA; empty: (IA)3)
    "ia3": ("d-biases", {}),
    "dora": ("a-llama", {"use_dora": True, "r": 4, "target_modules": ["q_proj", "down_proj"]}),
    "dora-bias": ("d-biases", {"use_dora": True, "r": 4, "target_modules": ["q_proj", "down_proj"], "bias": "lora_only"}),
    "bias-all": ("d-biases", {"r": 4, "bias": "all"}),
    "bias-lora-only": ("d-biases", {"r": 4, "bias": "lora_only"}),
    "lora-bias": ("d-biases", {"r": 4, "lora_bias": True}),
    "embedding": ("a-llama", {"r": 4, "target_modules": ["q_proj", "embed_tokens"], "lora_alpha": 6}),
    "embedding-tied": ("b-tied-gqa", {"r": 4, "target_modules": ["q_proj", "embed_tokens"]}),
    "embedding-dora": ("a-llama", {"r": 4, "target_modules": ["q_proj", "embed_tokens"], "use_dora": True}),
    "gaussian": ("a-llama", {"r": 4, "init_lora_weights": "gaussian"}),
    "orthogonal": ("a-llama", {"r": 4, "init_lora_weights": "orthogonal"}),
    "false": ("a-llama", {"r": 4, "init_lora_weights": False}),
    "pissa": ("a-llama", {"r": 4, "init_lora_weights": "pissa", "target_modules": ["q_proj", "k_proj", "v_proj"],
                          "rank_pattern": {"k_proj": 2}, "alpha_pattern": {"v_proj": 3}}),
    "pissa-rslora-dora": ("a-llama", {"r": 4, "init_lora_weights": "pissa", "use_rslora": True, "use_dora": True}),
    "olora-bias": ("d-biases", {"r": 4, "init_lora_weights": "olora", "lora_alpha": 5, "bias": "all"}),
}
if len(sys.argv) < 2 or set(sys.argv[2:]) - set(CASES):
    sys.exit(__doc__)
host, names = sys.argv[1], sys.argv[2:] or list(CASES)


def base(model):
    return AutoModelForCausalLM.from_pretrained(FIXTURES / model, dtype=torch.float32)


def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=torch.tensor([PROBE])).logits[0, -1]


def replay(folder, model, plugin, fields, rate, steps):
    """Trains a case folder with peft-host, into its `final`, and gives the largest logits of the probe."""
    run = {"task": "CAUSAL_LM", "optimizer": {"name": "AdamW", "lr": rate, "weight_decay": 0.0, "betas": [0.9, 0.999], "eps": 1e-8},
           "batches": [{"input_ids": [TRAIN]}] * steps, "probe": {"input_ids": PROBE}}
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "run.json").write_text(json.dumps(run))
    options = []
    for name, value in fields.items():
        options += ["-o", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    command = [host, "replay", folder, "--model", FIXTURES / model, "--plugin", plugin, "--output", folder / "final", *options]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return json.loads(output.splitlines()[-1])["probe"]


def distance(ours, theirs):
    worst = max(abs(theirs[index].item() - value) for index, value in zip(ours["top_ids"], ours["top_logits"], strict=True))
    return worst / theirs.abs().max().item()


worst = 0.0
for case in names:
    torch.manual_seed(0)
    name, fields = CASES[case]
    plugin = "LoRA" if fields else "IA3"
    scratch = pathlib.Path(tempfile.mkdtemp())
    config = LoraConfig(task_type="CAUSAL_LM", **fields) if fields else IA3Config(task_type="CAUSAL_LM")
    model = get_peft_model(base(name), config).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE, weight_decay=0)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model(input_ids=torch.tensor([TRAIN]), labels=torch.tensor([TRAIN])).loss.backward()
        optimizer.step()
    theirs = logits(model)
    model.save_pretrained(scratch / "theirs" / "init")
    opened = distance(replay(scratch / "theirs", name, plugin, {}, 0.0, 1), theirs)
    back = (logits(PeftModel.from_pretrained(base(name), scratch / "theirs" / "final")) - theirs).abs().max().item() / theirs.abs().max().item()
    ours = replay(scratch / "ours", name, plugin, fields, RATE, STEPS)
    given = distance(ours, logits(PeftModel.from_pretrained(base(name), scratch / "ours" / "final")))
    moved = (theirs - logits(base(name))).abs().max().item() / theirs.abs().max().item()
    print(f"{case:18} peft → host {opened:.1e}   → peft {back:.1e}   host → peft {given:.1e}   (trained by {moved:.1e})")
    worst = max(worst, opened, back, given, 0 if moved > 1e-2 else 1)
print(f"largest difference: {worst:.1e} of the largest logit (at most {TOLERANCE:.0e})")
sys.exit(not worst <= TOLERANCE)
