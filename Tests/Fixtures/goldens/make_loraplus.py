#!/usr/bin/env python3
"""Makes loraplus-lm: LoRA on layers and on the embedding table of ../tiny/d-biases, trained by the optimizer of peft's
create_loraplus_optimizer. peft's folder does not say that it was, so the case holds states under our names (see make_peft.py)."""
import json

import torch
from peft import LoraConfig
from peft.optimizers import create_loraplus_optimizer
from safetensors.torch import save_file

import make_peft
from make_peft import HERE, STEPS, loss_of, start, trained

RATIO, EMBEDDING_RATE = 4, 3e-4
CONFIG = LoraConfig(r=2, use_dora=True, bias="lora_only", target_modules=["embed_tokens", "q_proj"])
OPTIMIZER = {"name": "AdamW", "lr": 1e-3, "weight_decay": 0.0, "betas": [0.9, 0.999], "eps": 1e-8}


def run(dtype, folder=None):
    name = "loraplus-lm"
    model = start(name, "d-biases", CONFIG).to(dtype)
    rows = [[[(7 * step + 11 * i + 31 * row) % 250 for i in range(6 + row)] for row in range(2)] for step in range(STEPS)]

    def save(part):
        if folder:
            (folder / part).mkdir(parents=True, exist_ok=True)
            state = {k.removeprefix("base_model.model.").replace(".default", ""): p.detach().clone() for k, p in trained(model)}
            # The magnitude of a linear layer is a parameter of a module in torch, and of the layer in peft's folders.
            save_file({k.replace("magnitude_vector.weight", "magnitude_vector"): p for k, p in state.items()},
                      folder / part / "trainable_state.safetensors")

    save("init")
    adam = create_loraplus_optimizer(
        model, torch.optim.AdamW, lr=OPTIMIZER["lr"], loraplus_lr_ratio=RATIO, loraplus_lr_embedding=EMBEDDING_RATE,
        betas=tuple(OPTIMIZER["betas"]), eps=OPTIMIZER["eps"])
    losses, norms = [], []
    for batch in rows:
        adam.zero_grad()
        loss = loss_of(model, {"input_ids": batch, "labels": None})
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.stack([p.grad.norm() for _, p in trained(model)]).norm().item())
        adam.step()
    save("final")
    probe = [10, 20, 30, 40, 50, 60, 70]
    with torch.no_grad():
        top = torch.topk(model(input_ids=torch.tensor([probe])).logits[0, -1], 20)
    return {"task": "CAUSAL_LM", "num_labels": None, "optimizer": OPTIMIZER,
            "batches": [{"input_ids": batch, "labels": None} for batch in rows], "loss": losses, "grad_norm": norms,
            "trainable": {k: list(p.shape) for k, p in trained(model)},
            "trainable_count": sum(p.numel() for _, p in trained(model)),
            "probe": {"input_ids": probe, "top_ids": top.indices.tolist(), "top_logits": top.values.tolist()},
            "final_exempt": []}


if __name__ == "__main__":
    make_peft.logging.set_verbosity_error()
    torch.set_num_threads(1)
    case, exact = run(torch.float32, HERE / "loraplus-lm"), run(torch.float64)
    assert max(abs(a - b) / b for a, b in zip(case["loss"], exact["loss"])) <= 1e-4
    (HERE / "loraplus-lm/run.json").write_text(json.dumps(case))
    print(case["trainable_count"], case["loss"][0], case["loss"][-1], list(case["trainable"])[:6])
