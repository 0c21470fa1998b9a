#!/usr/bin/env python3
"""peft-host beside torch + peft and llama.cpp on the same machine, run by run in turns; prints a Markdown table and draws a chart.

The speed of training is that of the training part alone, in tokens of the data; the peak of memory is what the kernel says of the
finished process; the start is that of the process. Medians count, the spread is from the smallest to the largest ratio.
"""
import argparse, importlib.metadata, json, os, platform, re, statistics, subprocess, sys, tempfile
import chart

here = os.path.dirname(os.path.abspath(__file__))
# Name: plugin and options, the reference's name, rows of a batch, by how much ours must be faster.
METHODS = {
    "LoRA": ("LoRA", ["r=1"], "lora", 8, 2.0),
    "LoRA, batch 1": ("LoRA", ["r=1"], "lora", 1, 3.0),
    "LoRA of all layers, 512-token rows": ("LoRA", ["r=8", "target_modules=all-linear"], "lora-all", 1, 1.3),
    "AdaLoRA": ("AdaLoRA", ["init_r=2", "target_r=1"], "adalora", 8, 2.0),
    "IA3": ("IA3", [], "ia3", 8, 2.0),
    "PromptTuning": ("PromptTuning", ["num_virtual_tokens=10"], "prompt", 8, 2.0),
    "PTuning": ("PTuning", ["num_virtual_tokens=10"], "ptuning", 8, 2.0),
    "PrefixTuning": ("PrefixTuning", ["num_virtual_tokens=10"], "prefix", 8, 2.0),
    "LlamaAdapter": ("LlamaAdapter", ["adapter_len=10", "adapter_layers=8"], "llama-adapter", 8, 1.5),
}
PARTS = ["training", "roofline", "generation", "growth"]
a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
a.add_argument("--host", required=True, help="the peft-host to measure")
a.add_argument("--model", required=True, help="GGUF file")
a.add_argument("--data", required=True, help="folder with train.tsv, valid.tsv and test.tsv")
a.add_argument("--runs", type=int, default=5, help="runs of each side (%(default)s)")
a.add_argument("--rows", type=int, default=80, help="training rows of an epoch (%(default)s); there are two")
a.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
a.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), metavar="METHOD")
a.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
a.add_argument("--chart", help="SVG file to write")
a = a.parse_args()


def run(command, **environment):
    """The JSON lines that a command prints, what it says beside them, and the peak of its memory in MB."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"} | environment)
        lines = [json.loads(line) for line in process.stdout if line.startswith("{")]
        _, status, usage = os.wait4(process.pid, 0)
        errors.seek(0)
        said = errors.read()
        if status:
            sys.exit(f"{said}exit code {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return lines, said, usage.ru_maxrss / 1024


def train(data, plugin, options, batch, epochs=2, *more, model=None):
    with tempfile.TemporaryDirectory() as output:
        return run([a.host, "train", "--plugin", plugin, *(word for option in options for word in ("-o", option)), "--model", model or a.model, "--data", data,
                    "--epochs", str(epochs), "--batch-size", str(batch), "--threads", str(a.threads), "--json", "--output", output + "/adapter", *more])


def sides(data, long, name):
    """For ours and the reference: a function that makes one run and gives speed in the first and in later epochs, peak and start."""
    plugin, options, reference, batch, _ = METHODS[name]
    is_long = "512" in name
    folder, task, epochs = (long, "causal-lm", 1) if is_long else (data, "seq-cls", 2)

    def result(lines, peak, first):
        epochs = [line for line in lines if "epoch" in line]
        return {"first": epochs[0]["tokens_per_second"], "later": epochs[-1]["tokens_per_second"],
                "speed": statistics.harmonic_mean([line["tokens_per_second"] for line in epochs]), "peak": peak, "start": epochs[0][first]}

    def ours():
        lines, _, peak = train(folder, plugin, options, batch, epochs, "--task", task, "--max-length", "512")
        return result(lines, peak, "seconds_to_first_step")

    def theirs():
        lines, _, peak = run([sys.executable, f"{here}/reference_train.py", a.model, folder, reference, str(batch), str(epochs),
                              "--threads", str(a.threads), "--task", task])
        return result(lines, peak, "start_to_first_step_s")
    return ours, theirs


ROWS = []  # (what, ours, theirs, ratios or None, bound, at least or at most)


def compare(what, ours, theirs, bound, at_least=True, digits=0):
    ratios = [mine / other for mine, other in zip(ours, theirs)]
    add(what, f"{statistics.median(ours):,.{digits}f}", f"{statistics.median(theirs):,.{digits}f}", ratios, bound, at_least)


def add(what, mine, other, ratios, bound, at_least=True):
    ROWS.append((what, mine, other, ratios, bound, at_least))
    print(f"{what}: {mine} / {other}, {statistics.median(ratios):.3f}", file=sys.stderr, flush=True)


def training(data, long):
    for name in a.methods:
        bound = METHODS[name][4]
        ours, theirs = sides(data, long, name)
        pairs = [(ours(), theirs()) for _ in range(a.runs)]
        column = lambda key: ([pair[0][key] for pair in pairs], [pair[1][key] for pair in pairs])
        if name == "LlamaAdapter":
            compare("LlamaAdapter, first epoch, tokens/s", *column("first"), bound)
            compare("LlamaAdapter, epochs after the first, tokens/s", *column("later"), 5.0)
        else:
            compare(f"{name}, tokens/s", *column("speed"), bound)
        if name == "LoRA":
            compare("LoRA, peak memory, MB", *column("peak"), 1 / 6, False)
            compare("LoRA, start to the first step, s", *column("start"), 1 / 20, False, 2)


def roofline(long):
    subprocess.run(["sh", f"{here}/kernels/build.sh"], check=True)
    kernels = "SkylakeX" if "avx512f" in open("/proc/cpuinfo").read() else "Haswell"
    for rows in (8, 16, 32):
        pairs = []
        for _ in range(a.runs):
            ours = train(long, "LoRA", ["r=1"], rows, 1, "--task", "seq-cls", "--max-length", "16")[0][0]["tokens_per_second"]
            alone = run([f"{here}/kernels/roofline", str(16 * rows), str(rows)], OPENBLAS_NUM_THREADS=str(a.threads), OPENBLAS_CORETYPE=kernels)[0][0]
            pairs.append((ours, alone["tokens_per_second"]))
        compare(f"LoRA beside OpenBLAS alone, {16 * rows} tokens, tokens/s", *zip(*pairs), 0.85)


def generation():
    prompt, decode = [], []
    for _ in range(a.runs):
        ids = ",".join(str(1000 + i) for i in range(512))
        long = run([a.host, "logits", "--model", a.model, "--ids", ids, "--greedy", "1", "--threads", str(a.threads)])[0][0]
        short = run([a.host, "logits", "--model", a.model, "--ids", ids[:39], "--greedy", "64", "--threads", str(a.threads)])[0][0]
        other = run([sys.executable, f"{here}/llamacpp_speed.py", a.model, str(a.threads)])[0][0]
        prompt.append((long["prompt_tokens_per_second"], other["prompt_tokens_per_second"]))
        decode.append((short["decode_tokens_per_second"], other["decode_tokens_per_second"]))
    compare("prompt of 512 tokens, tokens/s (llama.cpp)", *zip(*prompt), 2.0)
    compare("greedy generation, tokens/s (llama.cpp)", *zip(*decode), 1.0)


def growth(long, folder):
    """The step's time over the packed tokens is a line: how far the points are from it. And what memory was forecast."""
    points, forecasts = [], []
    for rows in (1, 2, 4, 8, 16, 32, 64, 128):
        lines, said, peak = train(long, "LoRA", ["r=1"], rows, 1, "--task", "seq-cls", "--max-length", "32")
        points.append((32 * rows, 32 * rows / lines[0]["tokens_per_second"]))
        forecasts.append(peak / float(re.search(r"memory forecast: ([\d,]+) MB", said)[1].replace(",", "")))
    # Least squares of relative errors: t = fixed + each · tokens.
    weights = [1 / t**2 for _, t in points]
    total, mean_x = sum(weights), sum(w * n for w, (n, _) in zip(weights, points)) / sum(weights)
    mean_t = sum(w * t for w, (_, t) in zip(weights, points)) / total
    each = sum(w * (n - mean_x) * (t - mean_t) for w, (n, t) in zip(weights, points)) / sum(w * (n - mean_x)**2 for w, (n, _) in zip(weights, points))
    fixed = mean_t - each * mean_x
    off = [t / (fixed + each * n) for n, t in points]
    add("time of a step, 32 to 4,096 tokens, against a line", f"{min(off):.2f}–{max(off):.2f}", f"{1000 * fixed:.0f} ms + {1000 * each:.2f} ms a token", [max(max(off), 1 / min(off))], 1.15, False)
    add("peak memory against the forecast", f"{min(forecasts):.2f}–{max(forecasts):.2f}", "1", [max(max(forecasts), 1 / min(forecasts))], 1.10, False)
    big = f"{folder}/big.gguf"
    subprocess.run([sys.executable, f"{here}/random_model.py", a.model, big], check=True, stdout=sys.stderr)
    speed, linear = {}, {a.model: 30 * (2 * 576 * 576 + 2 * 192 * 576 + 3 * 1536 * 576), big: 16 * (2 * 2048 * 2048 + 2 * 512 * 2048 + 3 * 8192 * 2048)}
    for model in linear:
        lines, said, peak = train(long, "LoRA", ["r=1"], 16, 1, "--task", "seq-cls", "--max-length", "32", model=model)
        speed[model] = lines[0]["tokens_per_second"]
        forecast = peak / float(re.search(r"memory forecast: ([\d,]+) MB", said)[1].replace(",", ""))
    grown, size = speed[a.model] / speed[big], linear[big] / linear[a.model]
    add("time of a token, 1B against 135M", f"{grown:.2f}", f"{size:.2f} times the weights", [max(grown / size, size / grown)], 1.15, False)
    add("peak memory against the forecast, 1B", f"{forecast:.2f}", "1", [max(forecast, 1 / forecast)], 1.10, False)


def shortened(folder):
    """The first rows of each file; validation and test are not measured, so they are short."""
    for split, rows in (("train", a.rows), ("valid", 16), ("test", 16)):
        with open(f"{a.data}/{split}.tsv", encoding="utf-8") as file:
            lines = file.readlines()
        with open(f"{folder}/{split}.tsv", "w", encoding="utf-8") as file:
            file.writelines(lines[:rows + 1])


def lengthened(folder, words, rows):
    """Rows of so many words, made of the data's; longer than what --max-length leaves of them."""
    all_words = [word for split in ("train", "valid", "test") for line in open(f"{a.data}/{split}.tsv", encoding="utf-8").readlines()[1:]
                 for word in line.split("\t")[0].split()]
    texts = [" ".join(all_words[i * words % len(all_words):][:words]) for i in range(rows + 2)]
    for split, part in (("train", texts[:rows]), ("valid", texts[rows:rows + 1]), ("test", texts[rows + 1:])):
        with open(f"{folder}/{split}.tsv", "w", encoding="utf-8") as file:
            file.write("text\tlabel\n" + "".join(f"{text}\t{'ab'[i % 2]}\n" for i, text in enumerate(part)))


def machine():
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = subprocess.run([a.host, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    vectors = "AVX-512" if "avx512f" in open("/proc/cpuinfo").read() else "AVX2"

    def installed(name):
        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            return f"no {name}"
    packages = ", ".join(map(installed, ("torch", "transformers", "peft", "llama-cpp-python")))
    return f"{cpu} ({vectors}), {a.threads} threads, {memory:.0f} GB; {version}; {packages}"


with tempfile.TemporaryDirectory() as folder:
    for name in ("short", "long", "rows"):
        os.mkdir(f"{folder}/{name}")
    shortened(f"{folder}/short"); lengthened(f"{folder}/long", 470, 8); lengthened(f"{folder}/rows", 40, 384)
    if "training" in a.parts:
        training(f"{folder}/short", f"{folder}/long")
    if "roofline" in a.parts:
        roofline(f"{folder}/rows")
    if "generation" in a.parts:
        generation()
    if "growth" in a.parts:
        growth(f"{folder}/rows", folder)

print(f"{os.path.basename(a.model)}; medians of {a.runs} runs in turns.\n{machine()}\n")
print("| | peft-host | beside it | ratio | spread | must be | |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |")
missed = False
for what, mine, other, ratios, bound, at_least in ROWS:
    ratio = statistics.median(ratios)
    holds = ratio >= bound if at_least else ratio <= bound
    missed |= not holds
    print(f"| {what} | {mine} | {other} | {ratio:.3g} | {min(ratios):.3g}–{max(ratios):.3g} | {'≥' if at_least else '≤'} {bound:.3g} | {'' if holds else 'missed'} |")
if a.chart:
    with open(a.chart, "w", encoding="utf-8") as file:
        file.write(chart.bars("peft-host against what runs beside it", [(what.replace(", tokens/s", ""), statistics.median(ratios), bound) for what, _, _, ratios, bound, at_least in ROWS if at_least]))
sys.exit(missed)
