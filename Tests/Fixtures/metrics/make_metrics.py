"""metrics.json: measures of random predictions, as scikit-learn computes them.

    python make_metrics.py          (scikit-learn 1.9, NumPy; a second run gives the same bytes)

Each case has classes, labels and logits (multiples of 1/4, so that rows tie), and: predictions, accuracy, macro_f1,
confusion, log_loss (nats), auc (of logit 1 - logit 0 for two classes, else one versus rest of the probabilities;
null where a class is missing), ece (by its formula, with 15 bins). Every tenth case has intervals of 60 resamples too, whose rows
SplitMix64 draws from the case's number: the upper half of the product of a number with the rows. mcnemar holds counts and SciPy's
exact binomial test of them.
"""
import json, math, os, warnings
import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, roc_auc_score

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20)


def case(classes, labels, logits):
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=np.float64)
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exp / exp.sum(axis=1, keepdims=True)
    predictions = logits.argmax(axis=1)
    auc = None
    if len(set(labels.tolist())) == classes:
        auc = (
            roc_auc_score(labels, logits[:, 1] - logits[:, 0])
            if classes == 2
            else roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
        )
    return {
        "classes": classes,
        "labels": labels.tolist(),
        "logits": logits.tolist(),
        "predictions": predictions.tolist(),
        "accuracy": accuracy_score(labels, predictions),
        "macro_f1": f1_score(labels, predictions, average="macro", zero_division=0),
        "confusion": confusion_matrix(labels, predictions, labels=range(classes)).tolist(),
        "log_loss": log_loss(labels, probabilities, labels=range(classes)),
        "auc": auc,
        "ece": ece(labels, probabilities),
    }


def ece(labels, probabilities, bins=15):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    total = 0.0
    for low in range(bins):
        inside = (confidence > low / bins) & (confidence <= (low + 1) / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


def split_mix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        yield z ^ (z >> 31)


def intervals(of, seed, resamples=60):
    """For each measure the 2.5th and 97.5th percentile over resamples, where it is defined."""
    stream, labels, logits = split_mix(seed), np.asarray(of["labels"]), np.asarray(of["logits"])
    found = {"accuracy": [], "macro_f1": [], "auc": [], "ece": []}
    for _ in range(resamples):
        rows = [next(stream) * len(labels) >> 64 for _ in labels]
        drawn = case(of["classes"], labels[rows], logits[rows])
        for name, values in found.items():
            if drawn[name] is not None:
                values.append(drawn[name])
    return {name: np.percentile(values, [2.5, 97.5]).tolist() if values else None for name, values in found.items()}


cases = []
for index in range(1000):
    classes = (2, 2, 3, 5)[index % 4]
    rows = (1, 2, 5, 12, 30)[index // 4 % 5]
    labels = rng.integers(0, classes, rows)
    if index % 11 == 0:
        labels[:] = rng.integers(0, classes)
    logits = rng.integers(-8, 9, (rows, classes)) / 4
    logits[np.arange(rows), labels] += 0.25 * (index % 6)
    cases.append(case(classes, labels, logits))
    if index % 10 == 0:
        cases[-1]["intervals"] = intervals(cases[-1], index)
mcnemar = [[a, b, binomtest(min(a, b), a + b, 0.5).pvalue if a + b else 1.0]
           for a, b in [(0, 0), (1, 0), (3, 3), (5, 1), (2, 11), (40, 20), (0, 30), (700, 640)]]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json"), "w") as file:
    file.write('{"cases": [\n' + ",\n".join(json.dumps(c) for c in cases) + '\n],\n"mcnemar": ' + json.dumps(mcnemar) + "}\n")
