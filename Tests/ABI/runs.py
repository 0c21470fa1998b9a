#!/usr/bin/env python3
"""Trains with the plugins of a released ABI for two steps on a tiny model, and runs the adapters that they once gave.

usage: runs.py record HOST FOLDER     writes FOLDER/expected.json and FOLDER/adapters
       runs.py compare HOST FOLDER [LIBRARIES]

FOLDER holds the libraries (or LIBRARIES, others of the same names). Losses and logits must be the recorded ones but for the
rounding of another processor; exit 1 where they are not.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

fixtures = pathlib.Path(__file__).resolve().parent.parent / "Fixtures"

# By the id of a method: more of its options than its defaults. Each is a run.
OPTIONS = {"Surface": [[], ["masked=true", "r=8", "text=ba"]], "OFT": [["oft_block_size=8"]], "VeRA": [["r=4"]]}

# Runs inside the host, by consent; an adapter needs it.
KERNELS = "Kernel"

CASE = {
    "task": "SEQ_CLS", "num_labels": 2,
    "optimizer": {"name": "AdamW", "lr": 0.01, "weight_decay": 0.0, "betas": [0.9, 0.999], "eps": 1e-8},
    "batches": [
        {"input_ids": [[1, 5, 9, 2], [7, 3]], "labels": [0, 1]}, {"input_ids": [[4, 4, 8], [6]], "labels": [1, 0]},
    ],
    "probe": {"input_ids": [2, 3, 5, 7]},
}


def peft_host(host, *arguments):
    result = subprocess.run([host, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"peft-host {' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stderr}{result.stdout}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def run(host, work, library, options, output):
    """What two steps come to."""
    flags = [flag for option in options for flag in ("-o", option)]
    if library.stem == f"lib{KERNELS}":
        flags.append("--allow-kernels")
    lines = peft_host(
        host, "replay", work / "case", "--model", work / "model", "--plugin", library, "--output", output, *flags)
    return {"losses": [line["loss"] for line in lines[:-1]], "probe": lines[-1]["probe"], "trainable": lines[-1]["trainable"]}


def probe(host, work, adapter):
    ids = ",".join(map(str, CASE["probe"]["input_ids"]))
    line, = peft_host(host, "logits", "--model", work / "model", "--adapter", adapter, "--ids", ids)
    return {"top_ids": line["top_ids"], "top_logits": line["top_logits"]}


def far(a, b):
    if isinstance(a, dict):
        return a.keys() != b.keys() or any(far(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) != len(b) or any(map(far, a, b))
    return a != b if isinstance(a, int) else abs(a - b) > 1e-5 * max(1, abs(a))


def prepare(work, libraries):
    """A folder of our own for the plugins: a host loads none that others could write to."""
    (work / "case").mkdir()
    (work / "case/run.json").write_text(json.dumps(CASE))
    (work / "model").mkdir()
    for name in ("tiny/d-biases/config.json", "tiny/d-biases/model.safetensors", "tokenizers/bpe-gpt2/tokenizer.json"):
        shutil.copy(fixtures / name, work / "model")
    (work / "plugins").mkdir()
    for library in sorted(libraries.glob("*.so")):
        (work / "plugins" / library.name).write_bytes(library.read_bytes())
        yield work / "plugins" / library.name


def main(mode, host, folder, libraries=None):
    folder = pathlib.Path(folder)
    expected = {} if mode == "record" else json.loads((folder / "expected.json").read_text())
    with tempfile.TemporaryDirectory() as temporary:
        work, found = pathlib.Path(temporary), 0
        os.umask(0o077)
        os.environ["XDG_CONFIG_HOME"] = str(work / "settings")
        for library in prepare(work, pathlib.Path(libraries or folder)):
            name = library.stem.removeprefix("lib")
            for number, options in enumerate(OPTIONS.get(name, [[]])):
                key, found = " ".join([name, *options]), found + 1
                adapter = f"{name}-{number}"
                result = run(host, work, library, options, work / adapter)
                if mode == "record":
                    expected[key] = {"adapter": adapter, **result}
                    shutil.copytree(work / adapter, folder / "adapters" / adapter)
                    continue
                recorded = dict(expected.pop(key))
                kept = folder / "adapters" / recorded.pop("adapter")
                if far(recorded, result):
                    sys.exit(f"{folder}: {key} trains to something else: {result}, not {recorded}")
                if name != KERNELS and far(recorded["probe"], again := probe(host, work, kept)):
                    sys.exit(f"{folder}: the adapter of {key} computes something else: {again}, not {recorded['probe']}")
        if mode == "record":
            for file in [*folder.glob("adapters/*/*.json")]:
                file.write_text(file.read_text().replace(str(work / "model"), "model"))
            (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
        elif expected or not found:
            sys.exit(f"{folder}: there is no library for {', '.join(expected) or 'anything'}")
        print(f"{folder}: {found} runs {'recorded' if mode == 'record' else 'train as they did'}")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5) or sys.argv[1] not in ("record", "compare"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
