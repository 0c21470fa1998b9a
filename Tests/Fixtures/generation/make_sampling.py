"""sampling.json: what Hugging Face's logits processors leave of some logits, in float32.

    python make_sampling.py          (torch 2, transformers 5; a second run gives the same bytes)

Each case has its settings, the tokens so far, logits of 40 tokens, and the probabilities of all tokens behind the processors in
the order in which `generate` calls them; 0 for those that cannot be chosen. The logits have equal ones among them.
"""
import json, pathlib
import torch
from transformers import (LogitsProcessorList, MinPLogitsWarper, RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper,
                          TopKLogitsWarper, TopPLogitsWarper)

torch.manual_seed(5)


def case(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, repetition_penalty=1.0):
    logits = (torch.randn(1, 40) * 3).round(decimals=1)
    text = torch.randint(0, 40, (1, 9))
    steps = LogitsProcessorList()
    if repetition_penalty != 1:
        steps.append(RepetitionPenaltyLogitsProcessor(repetition_penalty))
    steps.append(TemperatureLogitsWarper(temperature))
    if top_k:
        steps.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        steps.append(TopPLogitsWarper(top_p))
    if min_p:
        steps.append(MinPLogitsWarper(min_p))
    return {
        "temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, "repetition_penalty": repetition_penalty,
        "text": text[0].tolist(), "logits": logits[0].tolist(),
        "probabilities": steps(text, logits.clone()).softmax(-1)[0].tolist(),
    }


cases = [
    case(), case(temperature=0.7), case(top_k=5), case(top_p=0.8), case(top_p=0.1), case(min_p=0.1), case(repetition_penalty=1.3),
    case(repetition_penalty=0.8), case(temperature=1.5, top_k=12, top_p=0.9, min_p=0.05, repetition_penalty=1.2),
    case(temperature=0.4, top_k=50, top_p=0.95), case(top_k=1), case(temperature=3.0, min_p=0.5),
]
pathlib.Path(__file__).with_name("sampling.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
