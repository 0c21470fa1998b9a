#!/usr/bin/env python3
"""The reference's side of the guide: transformers + peft train one method with one seed, and print what `peft-host train --json` prints.

usage: reference.py GGUF_FILE DATA_DIR RUN
RUN is a JSON object: "config", the name of a peft configuration class (null: all weights train); "seed"; and "settings", a run's settings
as the journal keeps them. peft-guide calls it. Needs torch, transformers, peft, gguf, safetensors (Benchmarks/requirements.txt).
"""
import csv, json, math, os, resource, subprocess, sys, tempfile, time
import peft, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

gguf, data, run = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
settings, options = run["settings"], dict(run["settings"]["options"])
epochs, size = settings["epochs"], settings["batch_size"]
folder = os.path.abspath(gguf).removesuffix(".gguf") + ".float32"
if not os.path.exists(folder):  # transformers takes longer to dequantise a GGUF file than to train an epoch: once is enough
    subprocess.run([sys.executable, f"{os.path.dirname(__file__)}/../dequantize_gguf.py", gguf, folder + ".part"], check=True)
    os.rename(folder + ".part", folder)
torch.manual_seed(run["seed"])
tokenizer = AutoTokenizer.from_pretrained(folder)


def rows(split):
    with open(f"{data}/{split}.tsv", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


train, valid, test = rows("train"), rows("valid"), rows("test")
labels = sorted({row["label"] for row in train})
steps = epochs * math.ceil(len(train) / size)
model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32, num_labels=len(labels))
model.config.pad_token_id = tokenizer.pad_token_id
if run["config"]:
    if run["config"] == "AdaLoraConfig":
        options["total_step"] = steps
    if options.get("prompt_tuning_init") == "TEXT":
        options["tokenizer_name_or_path"] = folder
    model = peft.get_peft_model(model, getattr(peft, run["config"])(task_type="SEQ_CLS", **options))
if run["config"] == "AdaptionPromptConfig":  # peft leaves the head frozen there
    for name, parameter in model.named_parameters():
        parameter.requires_grad |= "score." in name
if run["config"] in ("PromptTuningConfig", "PromptEncoderConfig"):
    tokenizer.padding_side = "left"  # where peft puts embeddings in, transformers classifies at the last position, padding or not
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=settings["learning_rate"], weight_decay=0.0)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / steps))


def batches(rows, order, size):
    for start in range(0, len(order), size):
        part = [rows[index] for index in order[start:start + size]]
        encoded = tokenizer([row["text"] for row in part], padding="longest", return_tensors="pt")
        yield encoded["input_ids"], encoded["attention_mask"], torch.tensor([labels.index(row["label"]) for row in part])


def area(scores, truth):
    """The share of pairs (positive, negative) in their right order; ties count half (Mann and Whitney 1947)."""
    positive, negative = scores[truth == 1], scores[truth == 0]
    if not len(positive) or not len(negative):
        return None
    difference = positive[:, None] - negative[None, :]
    return ((difference > 0).double() + (difference == 0).double() / 2).mean().item()


def evaluate(rows):
    model.eval()
    by_length = sorted(range(len(rows)), key=lambda index: len(rows[index]["text"]))  # little padding; the measures know no order
    with torch.no_grad():
        parts = [(model(input_ids=ids, attention_mask=mask).logits.double(), truth) for ids, mask, truth in batches(rows, by_length, 16)]
    logits, truth = torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
    return {"loss": torch.nn.functional.cross_entropy(logits, truth).item(), "roc_auc": area(logits.softmax(1)[:, 1], truth),
            "accuracy": (logits.argmax(1) == truth).double().mean().item()}


def peak():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


step, best, kept = 0, math.inf, None
for epoch in range(epochs):
    model.train()
    begun, tokens, total, count = time.time(), 0, 0.0, 0
    for ids, mask, truth in batches(train, torch.randperm(len(train)).tolist(), size):
        loss = model(input_ids=ids, attention_mask=mask, labels=truth).loss
        loss.backward()
        optimizer.step()
        if run["config"] == "AdaLoraConfig":
            model.base_model.update_and_allocate(step)
        optimizer.zero_grad()
        schedule.step()
        step, tokens, total, count = step + 1, tokens + int(mask.sum()), total + loss.item(), count + 1
    seconds, measured = time.time() - begun, evaluate(valid)
    if measured["loss"] < best:  # as peft-host: the adapter of the lowest validation loss is the one that is tested
        best, kept = measured["loss"], [parameter.detach().clone() for parameter in trained]
    print(json.dumps({"epoch": epoch + 1, "train_loss": total / count, "valid_loss": measured["loss"], "roc_auc": measured["roc_auc"],
                      "accuracy": measured["accuracy"], "tokens_per_second": tokens / seconds, "peak_rss_mb": peak()}), flush=True)

memory = peak()
with torch.no_grad():
    for parameter, values in zip(trained, kept):
        parameter.copy_(values)
measured = evaluate(test)
count = sum(parameter.numel() for parameter in trained)
if run["config"]:
    with tempfile.TemporaryDirectory() as output:
        model.save_pretrained(output)
        size = sum(os.path.getsize(f"{output}/{file}") for file in os.listdir(output) if file.endswith(".safetensors"))
else:
    size = 4 * count  # transformers does not save a model that came from a GGUF file
print(json.dumps({"test": measured, "trainable": count, "adapter_bytes": size, "peak_rss_mb": memory}), flush=True)
