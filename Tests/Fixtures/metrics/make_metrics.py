"""metrics.json: measures of random predictions, as scikit-learn computes them.

    python make_metrics.py          (scikit-learn 1.9, NumPy; a second run gives the same bytes)

Each case has classes, labels and logits (multiples of 1/4, so that rows tie), and: predictions, accuracy, macro_f1,
confusion, log_loss (nats), auc (of logit 1 - logit 0 for two classes, else one versus rest of the probabilities;
null where a class is missing).
"""
import json, math, os, warnings
import numpy as np
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
    }


cases = []
for index in range(240):
    classes = (2, 2, 3, 5)[index % 4]
    rows = (1, 2, 5, 12, 30)[index // 4 % 5]
    labels = rng.integers(0, classes, rows)
    if index % 11 == 0:
        labels[:] = rng.integers(0, classes)
    logits = rng.integers(-8, 9, (rows, classes)) / 4
    logits[np.arange(rows), labels] += 0.25 * (index % 6)
    cases.append(case(classes, labels, logits))
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
