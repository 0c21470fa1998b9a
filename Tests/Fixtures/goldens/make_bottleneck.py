#!/usr/bin/env python3
"""Makes bottleneck-houlsby-tiny, bottleneck-parallel-tiny and bottleneck-norms-tiny: training runs of bottleneck adapters, by their published formulas,
on the model ../tiny/a-llama with torch and transformers (pip install torch transformers safetensors). Dtype float32."""
import json
import pathlib
import random

import torch
from safetensors.torch import save_file
from torch.nn.functional import relu, silu
from transformers import LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
OPTIMIZER = {"name": "AdamW", "lr": 1e-3, "weight_decay": 0.01, "betas": [0.9, 0.999], "eps": 1e-8}


def unit(hidden, inner):
    down, up = torch.nn.Linear(hidden, inner), torch.nn.Linear(inner, hidden)
    for linear in (down, up):
        torch.nn.init.normal_(linear.weight, 0, 0.1)
        torch.nn.init.normal_(linear.bias, 0, 0.1)
    return torch.nn.ModuleDict({"adapter_down": down, "adapter_up": up})


def unit_with_norms(hidden, inner):
    result = unit(hidden, inner)
    for name in ("adapter_norm_before", "adapter_norm_after"):
        result[name] = torch.nn.LayerNorm(hidden)
    result.register_parameter("scaling", torch.nn.Parameter(torch.ones(hidden)))
    for parameter in (*result["adapter_norm_before"].parameters(), *result["adapter_norm_after"].parameters(), result.scaling):
        parameter.data += 0.1 * torch.randn(parameter.shape)
    return result


def attach(model, config, factor):
    hidden = model.config.hidden_size
    inner = int(hidden // factor)

    def houlsby(unit, h):
        return h + unit["adapter_up"](silu(unit["adapter_down"](h)))

    def with_norms(unit, h, residual):
        seen = unit["adapter_norm_before"](h + residual)
        return h + unit["adapter_norm_after"](unit.scaling * unit["adapter_up"](relu(unit["adapter_down"](seen))))

    for layer in model.model.layers:
        layer.output_adapter = (unit_with_norms if config == "seq_bn" else unit)(hidden, inner)
        if config == "double_seq_bn":
            layer.attention_adapter = unit(hidden, inner)
            layer.self_attn.register_forward_hook(
                lambda _, x, out, l=layer: (houlsby(l.attention_adapter, out[0]), *out[1:]))
            layer.mlp.register_forward_hook(lambda _, x, h, l=layer: houlsby(l.output_adapter, h))
        else:
            layer.post_attention_layernorm.register_forward_pre_hook(
                lambda _, x, l=layer: setattr(l, "residual", x[0]))
            if config == "seq_bn":
                layer.mlp.register_forward_hook(lambda _, x, h, l=layer: with_norms(l.output_adapter, h, l.residual))
                continue
            layer.mlp.register_forward_hook(
                lambda _, x, h, l=layer: h + 4 * l.output_adapter["adapter_up"](
                    relu(l.output_adapter["adapter_down"](l.residual))))


def make(name, config, factor, **more):
    torch.manual_seed(3)
    numbers = random.Random(5)
    model = LlamaForCausalLM.from_pretrained(HERE / "../tiny/a-llama", dtype=torch.float32, attn_implementation="eager")
    model.requires_grad_(False)
    attach(model, config, factor)
    trained = {k: p for k, p in model.named_parameters() if p.requires_grad}

    def save(folder):
        (HERE / name / folder).mkdir(parents=True, exist_ok=True)
        save_file({k: p.detach().clone() for k, p in trained.items()}, HERE / name / folder / "trainable_state.safetensors")

    save("init")
    vocabulary = model.config.vocab_size
    batches = [
        {"input_ids": [[numbers.randrange(vocabulary) for _ in range(numbers.randrange(4, 14))] for _ in range(3)]}
        for _ in range(6)
    ]
    optimizer = torch.optim.AdamW(
        trained.values(), lr=OPTIMIZER["lr"], weight_decay=OPTIMIZER["weight_decay"], betas=OPTIMIZER["betas"],
        eps=OPTIMIZER["eps"])
    losses, norms = [], []
    for batch in batches:
        total, count = 0, 0
        for row in batch["input_ids"]:
            ids = torch.tensor([row])
            logits = model(input_ids=ids).logits[0, :-1]
            total = total + torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")
            count += len(row) - 1
        loss = total / count
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.stack([p.grad.norm() for p in trained.values()]).norm().item())
        optimizer.step()
    save("final")
    probe = [numbers.randrange(vocabulary) for _ in range(9)]
    top = model(input_ids=torch.tensor([probe])).logits[0, -1].topk(20)
    run = {
        "task": "CAUSAL_LM", "num_labels": None, "optimizer": OPTIMIZER, "batches": batches, "loss": losses,
        "grad_norm": norms, "trainable_count": sum(p.numel() for p in trained.values()),
        "probe": {"input_ids": probe, "top_ids": top.indices.tolist(), "top_logits": top.values.tolist()},
        "bottleneck": {"config": config, "reduction_factor": factor, **more},
    }
    (HERE / name / "run.json").write_text(json.dumps(run))


make("bottleneck-houlsby-tiny", "double_seq_bn", 4)
make("bottleneck-parallel-tiny", "par_bn", 2)
make("bottleneck-norms-tiny", "seq_bn", 8, scaling="channel", ln_before=True, ln_after=True)
