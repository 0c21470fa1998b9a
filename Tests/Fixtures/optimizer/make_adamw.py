"""adamw.json: parameters under torch.optim.AdamW, step by step, in float32.

    python make_adamw.py          (torch 2; a second run gives the same bytes)

Each case has its settings, the first values of two tensors ("no_decay" is in a group without weight decay, its learning rate
times "multiplier"), and for every step the gradients, their norm before clipping, and the values after the step.
"""
import json, pathlib
import torch

torch.manual_seed(11)


def case(lr, betas, eps, decay, clip, multiplier, steps=6):
    decayed = torch.nn.Parameter(torch.randn(5))
    free = torch.nn.Parameter(torch.randn(3))
    optimizer = torch.optim.AdamW(
        [{"params": [decayed], "weight_decay": decay}, {"params": [free], "weight_decay": 0.0, "lr": lr * multiplier}],
        lr=lr, betas=betas, eps=eps, foreach=False,
    )
    result = {
        "learning_rate": lr, "betas": betas, "epsilon": eps, "weight_decay": decay, "max_norm": clip,
        "multiplier": multiplier, "decay": decayed.tolist(), "no_decay": free.tolist(), "steps": [],
    }
    for step in range(steps):
        decayed.grad = torch.randn(5) * 3 ** (step - 3)
        free.grad = torch.randn(3) * 3 ** (step - 3)
        gradients = {"decay": decayed.grad.tolist(), "no_decay": free.grad.tolist()}
        norm = torch.nn.utils.clip_grad_norm_([decayed, free], clip if clip else float("inf"), foreach=False)
        optimizer.step()
        result["steps"].append(
            {"gradients": gradients, "norm": float(norm), "decay": decayed.tolist(), "no_decay": free.tolist()}
        )
    return result


cases = [
    case(1e-3, (0.9, 0.999), 1e-8, 0.0, 0.0, 1.0),
    case(1e-2, (0.9, 0.999), 1e-8, 0.1, 0.0, 1.0),
    case(5e-2, (0.8, 0.95), 1e-4, 0.3, 0.7, 1.0),
    case(1e-2, (0.9, 0.999), 1e-8, 0.01, 0.0, 16.0),
]
pathlib.Path(__file__).with_name("adamw.json").write_text(json.dumps(cases) + "\n")
