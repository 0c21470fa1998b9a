#!/usr/bin/env python3
"""peft-host against torch + peft on the same machine: trains LoRA r=1 on the demo's rows with both, in turns, and prints a Markdown table.

A run's speed is that of the training part alone, over all its epochs; its peak memory is what the kernel says of the finished
process; its start is that of the process. Of several runs the median counts.
"""
import argparse, importlib.metadata, json, os, platform, statistics, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
a.add_argument("--host", required=True, help="the peft-host to measure")
a.add_argument("--model", required=True, help="GGUF file")
a.add_argument("--data", required=True, help="folder with train.tsv, valid.tsv and test.tsv")
a.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8])
a.add_argument("--rows", type=int, default=160, help="training rows of an epoch (%(default)s); 400 are all of the demo's")
a.add_argument("--epochs", type=int, default=2)
a.add_argument("--runs", type=int, default=3, help="runs of each side at each batch size (%(default)s)")
a.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
a = a.parse_args()


def run(command):
    """The JSON lines that a command prints, and the peak of its memory in MB."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
        lines = [json.loads(line) for line in process.stdout if line.startswith("{")]
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            errors.seek(0)
            sys.exit(f"{errors.read()}exit code {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return lines, usage.ru_maxrss / 1024


def measured(command, first_step):
    """(training tokens/s, peak memory in MB, seconds from start to the end of the first step) of one run."""
    lines, peak = run(command)
    epochs = [line for line in lines if "epoch" in line]
    if len(epochs) != a.epochs:
        sys.exit(f"printed {len(epochs)} epochs, not {a.epochs}: {' '.join(command)}")
    # Each epoch has as many tokens, so the speed over all of them is the harmonic mean.
    return statistics.harmonic_mean([line["tokens_per_second"] for line in epochs]), peak, epochs[0][first_step]


def ours(data, batch):
    with tempfile.TemporaryDirectory() as output:
        return measured([a.host, "train", "--plugin", "LoRA", "--model", a.model, "--data", data, "--task", "seq-cls", "-o", "r=1",
                         "--epochs", str(a.epochs), "--batch-size", str(batch), "--threads", str(a.threads), "--json",
                         "--output", os.path.join(output, "adapter")], "seconds_to_first_step")


def theirs(data, batch):
    return measured([sys.executable, os.path.join(here, "reference_train.py"), a.model, data, "lora", str(batch), str(a.epochs),
                     "--threads", str(a.threads)], "start_to_first_step_s")


def shortened(source, folder):
    """The first rows of each file; validation and test are not measured, so they are short."""
    for split, rows in (("train", a.rows), ("valid", 16), ("test", 16)):
        with open(os.path.join(source, split + ".tsv"), encoding="utf-8") as file:
            lines = file.readlines()
        if len(lines) <= rows and split == "train":
            sys.exit(f"{source}/train.tsv has {len(lines) - 1} rows, --rows asks for {rows}")
        with open(os.path.join(folder, split + ".tsv"), "w", encoding="utf-8") as file:
            file.writelines(lines[:rows + 1])


def machine():
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    host = subprocess.run([a.host, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "peft"))
    return f"{cpu}, {a.threads} threads, {memory:.0f} GB; {host}; {packages}"


with tempfile.TemporaryDirectory() as data:
    shortened(a.data, data)
    results = {}
    for batch in a.batch_sizes:
        for number in range(a.runs):
            for name, side in (("ours", ours), ("theirs", theirs)):
                results.setdefault((batch, name), []).append(side(data, batch))
                speed, peak, first = results[batch, name][-1]
                print(f"batch {batch}, run {number + 1}, {name}: {speed:.0f} tokens/s, {peak:.0f} MB, first step after {first:.2f} s",
                      file=sys.stderr)

print(f"LoRA r=1 on {os.path.basename(a.model)}, {a.rows} rows, {a.epochs} epochs, median of {a.runs}.\n{machine()}\n")
print("| batch size | | peft-host | torch + peft | ratio |\n| ---: | --- | ---: | ---: | ---: |")
for batch in a.batch_sizes:
    columns = ([statistics.median(column) for column in zip(*results[batch, name])] for name in ("ours", "theirs"))
    for what, digits, mine, other in zip(("training tokens/s", "peak memory, MB", "start to first step, s"), (0, 0, 2), *columns):
        print(f"| {batch} | {what} | {mine:,.{digits}f} | {other:,.{digits}f} | {mine / other:.2f} |")
