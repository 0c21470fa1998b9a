#!/usr/bin/env python3
"""Trains tiny models with every method that Hugging Face's peft has too, in peft and in peft-host; lets each open what the other
wrote, and compares the logits: both ways, and there and back.

usage: peft_exchange.py HOST [NAME …]     HOST: the built peft-host, its plugins beside it; NAME: how the names of some cases begin
The plugins of Examples/ are looked for in their folders (Examples/…/build.sh). Exits with 0 when no logit differs by more than 1e-3
of the largest one. Needs requirements.txt.
"""
import json, pathlib, shutil, subprocess, sys, tempfile, warnings
import torch
from peft import (AdaLoraConfig, AdaptionPromptConfig, IA3Config, LNTuningConfig, LoHaConfig, LoKrConfig, LoraConfig, OFTConfig,
                  PeftModel, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, VeraConfig, get_peft_model)
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, logging

TOLERANCE = 1e-3
ROOT = pathlib.Path(__file__).resolve().parent.parent
PROBE, TRAIN, STEPS, RATE = [5, 17, 200, 33, 8, 91, 4, 60], [7, 3, 250, 11, 90, 14], 6, 2e-2
QKV, ALL = ["q_proj", "k_proj", "v_proj"], ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
A, TIED, BIASES = "a-llama", "b-tied-gqa", "d-biases"
HOST_ONLY = None  # peft makes it otherwise, or not at all: it only has to load it.
# The plugin, the model, peft's config, its fields; a name with -cls is a classification.
CASES = {
    "lora": ("LoRA", A, LoraConfig, {"r": 4}),
    "lora-cls": ("LoRA", TIED, LoraConfig, {"r": 4, "target_modules": "all-linear"}),
    "lora-rslora": ("LoRA", A, LoraConfig, {"r": 4, "use_rslora": True, "target_modules": QKV, "rank_pattern": {"k_proj": 2},
                                            "alpha_pattern": {"v_proj": 3}}),
    "lora-dora": ("LoRA", A, LoraConfig, {"use_dora": True, "r": 4, "target_modules": ["q_proj", "down_proj"]}),
    "lora-dora-bias": ("LoRA", BIASES, LoraConfig, {"use_dora": True, "r": 4, "target_modules": ["q_proj", "down_proj"],
                                                    "bias": "lora_only"}),
    "lora-bias-all": ("LoRA", BIASES, LoraConfig, {"r": 4, "bias": "all"}),
    "lora-bias-only": ("LoRA", BIASES, LoraConfig, {"r": 4, "bias": "lora_only"}),
    "lora-own-bias": ("LoRA", BIASES, LoraConfig, {"r": 4, "lora_bias": True}),
    "lora-table": ("LoRA", A, LoraConfig, {"r": 4, "target_modules": ["q_proj", "embed_tokens"], "lora_alpha": 6}),
    "lora-table-tied": ("LoRA", TIED, LoraConfig, {"r": 4, "target_modules": ["q_proj", "embed_tokens"]}),
    "lora-table-dora": ("LoRA", A, LoraConfig, {"r": 4, "target_modules": ["q_proj", "embed_tokens"], "use_dora": True}),
    "lora-head": ("LoRA", A, LoraConfig, {"r": 4, "target_modules": ["v_proj", "lm_head"]}),
    "lora-gaussian": ("LoRA", A, LoraConfig, {"r": 4, "init_lora_weights": "gaussian"}),
    "lora-orthogonal": ("LoRA", A, LoraConfig, {"r": 4, "init_lora_weights": "orthogonal"}),
    "lora-false": ("LoRA", A, LoraConfig, {"r": 4, "init_lora_weights": False}),
    "lora-pissa": ("LoRA", A, LoraConfig, {"r": 4, "init_lora_weights": "pissa", "target_modules": QKV,
                                           "rank_pattern": {"k_proj": 2}, "alpha_pattern": {"v_proj": 3}}),
    "lora-pissa-rslora-dora": ("LoRA", A, LoraConfig, {"r": 4, "init_lora_weights": "pissa", "use_rslora": True, "use_dora": True}),
    "lora-olora-bias": ("LoRA", BIASES, LoraConfig, {"r": 4, "init_lora_weights": "olora", "lora_alpha": 5, "bias": "all"}),
    "lora-loftq": ("LoRA", A, HOST_ONLY, {"r": 4, "init_lora_weights": "loftq"}),
    "lora-save-table": ("LoRA", TIED, LoraConfig, {"r": 4, "modules_to_save": ["embed_tokens"]}),
    "lora-save-both": ("LoRA", TIED, LoraConfig, {"r": 4, "modules_to_save": ["embed_tokens", "lm_head"]}),
    "lora-save-norm-cls": ("LoRA", A, LoraConfig, {"r": 4, "modules_to_save": ["norm"]}),
    "lora-save-pissa": ("LoRA", A, LoraConfig, {"r": 4, "init_lora_weights": "pissa", "modules_to_save": ["lm_head"]}),
    "adalora": ("AdaLoRA", A, AdaLoraConfig, {"init_r": 4, "target_r": 1, "total_step": STEPS}),
    "adalora-cls": ("AdaLoRA", TIED, AdaLoraConfig, {"init_r": 3, "target_r": 2, "tfinal": 2, "total_step": STEPS,
                                                     "target_modules": ALL}),
    "adalora-save": ("AdaLoRA", BIASES, AdaLoraConfig, {"init_r": 4, "target_r": 2, "total_step": STEPS,
                                                        "modules_to_save": ["1.mlp.down_proj"]}),
    "ia3": ("IA3", BIASES, IA3Config, {}),
    "ia3-cls": ("IA3", TIED, IA3Config, {"target_modules": ["q_proj", "up_proj"], "feedforward_modules": ["up_proj"]}),
    "ia3-save": ("IA3", A, IA3Config, {"modules_to_save": ["lm_head", "norm"]}),
    "prompt": ("PromptTuning", A, PromptTuningConfig, {"num_virtual_tokens": 4}),
    "prompt-cls": ("PromptTuning", TIED, PromptTuningConfig, {"num_virtual_tokens": 3, "prompt_tuning_init": "SAMPLE_VOCAB"}),
    "prompt-save": ("PromptTuning", TIED, PromptTuningConfig, {"num_virtual_tokens": 3, "modules_to_save": ["lm_head", "norm"]}),
    "ptuning-mlp": ("PTuning", A, PromptEncoderConfig, {"num_virtual_tokens": 4, "encoder_hidden_size": 20}),
    "ptuning-lstm-cls": ("PTuning", TIED, PromptEncoderConfig, {"num_virtual_tokens": 3, "encoder_hidden_size": 8,
                                                                "encoder_reparameterization_type": "LSTM"}),
    "prefix": ("PrefixTuning", TIED, PrefixTuningConfig, {"num_virtual_tokens": 4}),
    "prefix-cls": ("PrefixTuning", A, PrefixTuningConfig, {"num_virtual_tokens": 3}),
    "prefix-projection": ("PrefixTuning", TIED, PrefixTuningConfig, {"num_virtual_tokens": 4, "prefix_projection": True,
                                                                     "encoder_hidden_size": 12}),
    "prefix-save": ("PrefixTuning", A, PrefixTuningConfig, {"num_virtual_tokens": 2, "modules_to_save": ["embed_tokens"]}),
    "llama-adapter": ("LlamaAdapter", TIED, AdaptionPromptConfig, {"adapter_len": 4, "adapter_layers": 2}),
    "norm": ("FullFineTuning", TIED, LNTuningConfig, {"mode": "norm"}),
    "norm-cls": ("FullFineTuning", A, LNTuningConfig, {"mode": "norm", "target_modules": ["input_layernorm", "norm"]}),
    "vera": ("VeRA", TIED, VeraConfig, {"r": 12}),
    "vera-cls": ("VeRA", BIASES, VeraConfig, {"r": 7, "save_projection": False, "projection_prng_key": 5, "target_modules": ALL}),
    "loha": ("LoHa", TIED, LoHaConfig, {"r": 3, "rank_pattern": {"v_proj": 2}}),
    "loha-cls": ("LoHa", A, LoHaConfig, {"rank_dropout": 0.2, "module_dropout": 0.1, "target_modules": ALL}),
    "lokr": ("LoKr", TIED, LoKrConfig, {"r": 2, "decompose_both": True, "init_weights": "lycoris"}),
    "lokr-cls": ("LoKr", A, LoKrConfig, {"r": 3, "decompose_factor": 8, "rank_dropout": 0.2, "rank_dropout_scale": True,
                                         "target_modules": ALL}),
    "oft": ("OFT", TIED, OFTConfig, {"oft_block_size": 8}),
    "oft-cls": ("OFT", BIASES, OFTConfig, {"oft_block_size": 32, "use_cayley_neumann": False, "bias": "all", "target_modules": ALL}),
    "oft-coft": ("OFT", A, OFTConfig, {"oft_block_size": 32, "coft": True, "eps": 0.1, "init_weights": False}),
}


class Exchange:
    def __init__(self, name, scratch):
        self.name, self.scratch, self.is_cls = name, scratch, name.endswith("-cls")
        self.plugin, fixture, self.config, self.fields = CASES[name]
        self.model = scratch / "model"
        shutil.copytree(ROOT / "Tests/Fixtures/tiny" / fixture, self.model)
        shutil.copy(ROOT / "Tests/Fixtures/tokenizers/bpe-gpt2/tokenizer.json", self.model)

    def base(self):
        torch.manual_seed(0)
        kind = AutoModelForSequenceClassification if self.is_cls else AutoModelForCausalLM
        return kind.from_pretrained(self.model, dtype=torch.float32, **({"num_labels": 2} if self.is_cls else {}))

    def host(self, *arguments):
        command = [HOST, *arguments, "--model", self.model, "--plugin-path", ROOT / "Examples" / self.plugin]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            sys.exit(f"{self.name}: {' '.join(map(str, command))}\n{result.stderr}")
        return result.stdout

    def host_logits(self, adapter):
        output = self.host("logits", "--adapter", adapter, "--task", "seq-cls" if self.is_cls else "causal-lm", "--ids",
                           ",".join(map(str, PROBE)), "--top", "2" if self.is_cls else "20")
        return json.loads(output)

    def peft_logits(self, adapter):
        return logits(PeftModel.from_pretrained(self.base(), adapter))

    def train_with_peft(self):
        fields = {k: v for k, v in self.fields.items() if k != "mode"}
        model = get_peft_model(self.base(), self.config(task_type="SEQ_CLS" if self.is_cls else "CAUSAL_LM", **fields)).train()
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE, weight_decay=0)
        for step in range(STEPS):
            optimizer.zero_grad()
            labels = torch.tensor([1] if self.is_cls else [TRAIN])
            model(input_ids=torch.tensor([TRAIN]), labels=labels).loss.backward()
            optimizer.step()
            if self.plugin == "AdaLoRA":
                model.base_model.update_and_allocate(step)
        model.save_pretrained(self.scratch / "theirs")
        return logits(model)

    def train_with_host(self):
        data = self.scratch / "data"
        data.mkdir()
        for part in ("train", "valid"):
            rows = [f"{word} film and a {word} story\t{label}" for label, word in [("bad", "dull"), ("good", "fine")] * STEPS]
            header = "text\tlabel" if self.is_cls else "text"
            (data / f"{part}.tsv").write_text("\n".join([header] + [row if self.is_cls else row.split("\t")[0] for row in rows]) + "\n")
        words = []
        for name, value in self.fields.items():
            if name != "total_step":
                words += ["-o", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        self.host("train", "--plugin", self.plugin, "--data", data, "--task", "seq-cls" if self.is_cls else "causal-lm", "--epochs", "2", "--batch-size", "4",
                  "--learning-rate", str(RATE), "--output", self.scratch / "ours", *words)

    def rewrite(self):
        """What the host writes of what peft wrote: a replay that changes nothing."""
        case = self.scratch / "case"
        case.mkdir()
        (self.scratch / "theirs").rename(case / "init")
        task = {"task": "SEQ_CLS", "num_labels": 2} if self.is_cls else {"task": "CAUSAL_LM"}
        optimizer = {"name": "AdamW", "lr": 0.0, "weight_decay": 0.0, "betas": [0.9, 0.999], "eps": 1e-8}
        batch = {"input_ids": [TRAIN], **({"labels": [1]} if self.is_cls else {})}
        (case / "run.json").write_text(json.dumps({**task, "optimizer": optimizer, "batches": [batch], "probe": {"input_ids": PROBE}}))
        self.host("replay", case, "--plugin", self.plugin, "--output", case / "final")
        return case / "final"

    def run(self):
        """The largest differences: peft → host, there and back, host → peft; and how much training changed."""
        opened, back, moved = 0.0, 0.0, 1.0
        if self.config is not HOST_ONLY:
            theirs = self.train_with_peft()
            moved = far(theirs, logits(self.base()))
            opened = distance(self.host_logits(self.scratch / "theirs"), theirs)
            back = far(self.peft_logits(self.rewrite()), theirs)
        self.train_with_host()
        ours = self.peft_logits(self.scratch / "ours")
        given = distance(self.host_logits(self.scratch / "ours"), ours)
        # A classifier's head begins at random numbers of its own.
        return opened, back, given, min(moved, far(ours, logits(self.base())))


def logits(model):
    with torch.no_grad():
        result = model.eval()(input_ids=torch.tensor([PROBE])).logits[0]
    return result if result.dim() == 1 else result[-1]


def far(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def distance(ours, theirs):
    worst = max(abs(theirs[index].item() - value) for index, value in zip(ours["top_ids"], ours["top_logits"], strict=True))
    return worst / theirs.abs().max().item()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    HOST = pathlib.Path(sys.argv[1]).resolve()
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    worst = 0.0
    print(f"{'':24} peft → host    → peft   host → peft   changed by")
    for case in [name for name in CASES if not sys.argv[2:] or name.startswith(tuple(sys.argv[2:]))]:
        with tempfile.TemporaryDirectory() as folder:
            opened, back, given, moved = Exchange(case, pathlib.Path(folder)).run()
        print(f"{case:24}     {opened:.1e}   {back:.1e}       {given:.1e}      {moved:.1e}", flush=True)
        worst = max(worst, opened, back, given, 0 if moved > 1e-2 else 1)
    print(f"largest difference: {worst:.1e} of the largest logit (at most {TOLERANCE:.0e})")
    sys.exit(not worst <= TOLERANCE)
