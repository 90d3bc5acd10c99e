"""The model card beside a trained model: data, recipe, steps, losses, versions, in the form the hub shows."""

from pathlib import Path

from workbench import read_json_lines

from ..config import GPT2Config
from .record import RunRecord


def model_card(record: RunRecord, config: GPT2Config) -> str:
    """`README.md` of a finished run's model of shape `config`, from what the run folder knows."""
    c, r, data = config, record.recipe, record.data
    facts = {
        "Shape": f"{c.n_layer} layers, {c.n_embd} wide, {c.n_head} heads, context {c.n_ctx}, {c.n_vocab:,} ids",
        "Parameters": f"{c.n_parameters:,}",
        "Started from": record.settings.source or f"new weights (seed {record.seed})",
        "Text": f"{data['name']}, {data['train_bytes']:,} bytes (fingerprint `{data['fingerprint'][:16]}`)",
        "Held out": f"{data['held_out_bytes']:,} bytes, never trained on"
        + (f": {how}" if (how := data.get("held_out_how")) else ""),
        "Recipe": f"{r.name}: {r.optimizer}, rate {r.learning_rate:g}, {r.schedule}, warm-up {r.warmup}",
        "Steps": f"{r.steps:,} of {r.tokens_of_steps(c.n_ctx)}",
        "Versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
    }
    rows = "\n".join(f"| {name} | {value.replace('|', '/')} |" for name, value in facts.items())
    return f"""---
library_name: transformers
pipeline_tag: text-generation
tags:
- gpt2
---

# A GPT-2 trained on {data["name"]}

| | |
|---|---|
{rows}

## Held-out loss

| step | nats a token | bits per byte |
|---|---|---|
{_losses(record.folder)}

## Use

```python
import gpt2

model, tokenizer = gpt2.load("this folder")
```

`transformers.AutoModelForCausalLM.from_pretrained` opens it, too.
It continues text in the manner of what it was trained on, and knows nothing else.
"""


def _losses(folder: Path) -> str:
    lines = [line for _, line in read_json_lines(folder / "metrics.jsonl")]
    measured = [line for line in lines if line.get("validation_loss") is not None]
    return "\n".join(f"| {m['step']} | {m['validation_loss']:.4f} | {m['bits_per_byte']:.4f} |" for m in measured)
