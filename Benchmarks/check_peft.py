#!/usr/bin/env python3
"""Checks that Hugging Face peft loads what peft-host writes with the plugins of Examples/ and with norm tuning: trains the batches
of a parity case from the method's own start, and compares the logits behind it. Built first: peft-host, FullFineTuning, Examples.

Usage: check_peft.py [HOST]     HOST: .build/release/peft-host"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, logging

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOST = sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/release/peft-host"
ALL = "target_modules=q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
# Plugin, base, case whose batches are trained, options.
RUNS = [
    ("VeRA", "b-tied-gqa", "vera-lm", ["r=12"]),
    ("VeRA", "d-biases", "vera-all-cls", ["r=7", "save_projection=false", "projection_prng_key=5", ALL]),
    ("LoHa", "b-tied-gqa", "loha-lm", ["r=3", 'rank_pattern={"v_proj": 2}']),
    ("LoHa", "a-llama", "loha-pattern-cls", ["rank_dropout=0.2", "module_dropout=0.1", ALL]),
    ("LoKr", "b-tied-gqa", "lokr-lm", ["r=2", "decompose_both=true", "init_weights=lycoris"]),
    ("LoKr", "a-llama", "lokr-both-cls", ["r=3", "decompose_factor=8", "rank_dropout=0.2", "rank_dropout_scale=true", ALL]),
    ("OFT", "b-tied-gqa", "oft-lm", ["oft_block_size=8"]),
    ("OFT", "d-biases", "oft-cayley-cls", ["use_cayley_neumann=false", "bias=all", ALL]),
    ("OFT", "a-llama", "oft-coft-lm", ["coft=true", "eps=0.01", "init_weights=false"]),
    ("FullFineTuning", "b-tied-gqa", "norm-lm", ["mode=norm"]),
    ("FullFineTuning", "a-llama", "norm-some-cls", ["mode=norm", "target_modules=input_layernorm,norm"]),
]


def check(plugin, base, case, options):
    path = ROOT / "Tests/Fixtures/tiny" / base
    library = ROOT / "Examples" / plugin / f"lib{plugin}.so"
    run = json.loads((ROOT / "Tests/Fixtures/goldens" / case / "run.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "Tests/Fixtures/goldens" / case / "run.json", folder)
        command = [HOST, "replay", folder, "--model", path, "--plugin", library if library.exists() else plugin]
        command += ["--output", folder + "/adapter"] + [word for option in options for word in ("-o", option)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        ours = json.loads(lines[-1])["probe"]
        is_cls = run["task"] == "SEQ_CLS"
        kind = AutoModelForSequenceClassification if is_cls else AutoModelForCausalLM
        model = kind.from_pretrained(path, dtype=torch.float32, **({"num_labels": run["num_labels"]} if is_cls else {}))
        model = PeftModel.from_pretrained(model, folder + "/adapter").eval()
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([run["probe"]["input_ids"]])).logits[0]
    logits = logits if is_cls else logits[-1]
    far = float((logits[ours["top_ids"]] - torch.tensor(ours["top_logits"])).abs().max())
    print(f"{plugin} {' '.join(options)}: {far:.1e}")
    return far <= 1e-3


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    sys.exit(0 if all([check(*run) for run in RUNS]) else "a logit differs by more than 1e-3")
