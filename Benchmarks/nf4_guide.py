#!/usr/bin/env python3
"""QLoRA's experiment: LoRA r=1 on the demo's reviews, on the float32 base and on the same base in NF4, seed by seed; prints a
Markdown table, and whether the mean validation loss on NF4 is above float32's by at most 5 % or one standard deviation of
float32's seeds, the larger of the two. The float32 base is the demo's GGUF, written out by dequantize_gguf.py into the work folder.

usage: nf4_guide.py [--host .build/release/peft-host] [--model GGUF] [--data DIR] [--work DIR] [--seeds 0,1,2] [--epochs 3]
Finished runs in the work folder are not repeated. Needs requirements.txt. Exits with 1 where the loss is further above.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys

here = pathlib.Path(__file__).resolve().parent
user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
cache = pathlib.Path(os.environ.get("PEFT_HOST_CACHE") or f"{user}/peft-host")
arguments = argparse.ArgumentParser()
for name, default in (("host", here.parent / ".build/release/peft-host"), ("model", cache / "SmolLM2-135M-Instruct.Q4_1.gguf"),
                      ("data", cache / "reviews"), ("work", cache / "nf4-guide")):
    arguments.add_argument(f"--{name}", type=pathlib.Path, default=default)
arguments.add_argument("--seeds", default="0,1,2"); arguments.add_argument("--epochs", type=int, default=3)
arguments = arguments.parse_args()

base = arguments.work / "float32"
if not (base / "model.safetensors").exists():
    subprocess.run([sys.executable, here / "dequantize_gguf.py", arguments.model, base], check=True)


def run(kind, seed):
    """(validation loss, validation accuracy, test accuracy, tokens/s, peak MB) of the best epoch's adapter."""
    output = arguments.work / f"{kind}-seed{seed}-epochs{arguments.epochs}"
    lines = output.with_suffix(".jsonl")
    if not lines.exists():
        command = [arguments.host, "--plugin", "LoRA", "train", "--model", base, "--data", arguments.data, "--task", "seq-cls", "-o", "r=1",
                   "--epochs", arguments.epochs, "--batch-size", 8, "--learning-rate", 1e-3, "--seed", seed, "--quantize", kind,
                   "--output", output, "--overwrite", "--json"]
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"training failed: {kind}, seed {seed}")
        lines.write_text(done.stdout)
    *epochs, last = map(json.loads, lines.read_text().splitlines())
    best = min(epochs, key=lambda epoch: epoch["valid_loss"])
    speed = statistics.mean(epoch["tokens_per_second"] for epoch in epochs)
    return best["valid_loss"], best["accuracy"], last["test"]["accuracy"], speed, last["peak_rss_mb"]


def cell(values, digits):
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread}"


seeds = [int(seed) for seed in arguments.seeds.split(",")]
results = {}
for seed in seeds:
    for kind in ("none", "nf4"):
        results.setdefault(kind, []).append(run(kind, seed))
        print(kind, seed, *(f"{value:.4f}" for value in results[kind][-1]), file=sys.stderr, flush=True)
print("| base | validation loss | validation accuracy | test accuracy | tokens/s | peak MB |\n| --- | --- | --- | --- | --- | --- |")
for kind, name in (("none", "float32"), ("nf4", "NF4")):
    print(f"| {name} | " + " | ".join(cell(column, digits) for column, digits in zip(zip(*results[kind]), (4, 4, 4, 0, 0))) + " |")
plain, nf4 = ([row[0] for row in results[kind]] for kind in ("none", "nf4"))
allowed = max(0.05 * statistics.mean(plain), statistics.stdev(plain) if len(plain) > 1 else 0)
above = statistics.mean(nf4) - statistics.mean(plain)
print(f"\nNF4's mean validation loss is {above:+.4f} from float32's; {allowed:.4f} is allowed: {'passed' if above <= allowed else 'FAILED'}")
sys.exit(above > allowed)
