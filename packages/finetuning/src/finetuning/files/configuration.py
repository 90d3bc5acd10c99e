"""`adapter_config.json`: our `Adapter` in peft's words, and back; what would compute something else is refused."""

import math
import re
from collections.abc import Mapping
from typing import Any

from ..adapters import TARGETS, Adapter

PUBLISHED = {
    "attention.qkv": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "feed_forward.up": "mlp.c_fc",
    "feed_forward.down": "mlp.c_proj",
}
"""Our names of a block's linear layers, and the published ones."""
LANGUAGE, LABELS = "CAUSAL_LM", "SEQ_CLS"
"""peft's names of the two tasks that can be opened here."""
HEADS = {"score", "classifier"}
"""What peft saves beside the adapter of a classifier, where there is a layer of that name; GPT-2's is `score`."""
DEFAULT = ["c_attn"]
"""What peft adapts of a GPT-2 that is told nothing."""
HONORED = {"peft_type", "r", "lora_alpha", "lora_dropout", "target_modules", "use_rslora", "use_dora"}
HARMLESS = {
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "task_type",
    "peft_version",
    "inference_mode",
    "init_lora_weights",
    "fan_in_fan_out",
    "megatron_core",
    "qalora_group_size",
    "runtime_config",
}
"""Options that say where an adapter comes from or how it began, and nothing of what it computes."""


def configuration(adapter: Adapter, base: str | None, task: str = LANGUAGE) -> dict[str, Any]:
    """The content of `adapter_config.json`, with what peft needs to know, and no more."""
    return {
        "peft_type": "LORA",
        "task_type": task,
        "base_model_name_or_path": base,
        "r": adapter.rank,
        "lora_alpha": adapter.alpha,
        "lora_dropout": adapter.dropout,
        "target_modules": [PUBLISHED[target] for target in TARGETS if target in adapter.targets],
        "use_rslora": adapter.root,
        "use_dora": adapter.method == "dora",
        "fan_in_fan_out": True,
        "bias": "none",
        "modules_to_save": ["score"] if task == LABELS else None,
        "inference_mode": True,
    }


def adapter_of(content: Mapping[str, Any], task: str = LANGUAGE) -> Adapter:
    """The adapter that peft's options describe; ValueError for options of other kinds of adapters, by name, and for
    one of another task."""
    kind = content.get("peft_type")
    if kind != "LORA":
        raise ValueError(f"peft_type: wanted LORA, got {kind!r}; adapters of other kinds cannot be opened here")
    given = {name: value for name, value in content.items() if value not in (None, False, "none", {}, [])}
    saved = given.get("modules_to_save")
    if content.get("task_type") == LABELS and isinstance(saved, list) and HEADS.issuperset(saved):
        del given["modules_to_save"]
    if others := sorted(given.keys() - HONORED - HARMLESS):
        raise ValueError(
            f"{', '.join(others)}: wanted an adapter without, got {given[others[0]]!r}; merge it with peft "
            f"(merge_and_unload) and open the merged model"
        )
    if content.get("task_type") not in ((None, task) if task == LANGUAGE else (task,)):
        cure = "label texts with `finetuning label`" if content.get("task_type") == LABELS else "open it with peft"
        raise ValueError(f"task_type: wanted {task}, got {content.get('task_type')!r}; {cure}")
    return Adapter(
        rank=_number(content, "r", 8, int),
        alpha=_number(content, "lora_alpha", 8, float),
        targets=targets_of(content.get("target_modules")),
        method="dora" if content.get("use_dora") else "lora",
        root=bool(content.get("use_rslora")),
        dropout=_number(content, "lora_dropout", 0.0, float),
    )


def targets_of(modules: Any) -> tuple[str, ...]:
    """Our layers that peft's `target_modules` mean: endings of names, a regular expression, or "all-linear"."""
    modules = DEFAULT if modules is None else modules
    if modules == "all-linear":
        return TARGETS
    if isinstance(modules, str):
        try:
            meant = [target for target in TARGETS if re.fullmatch(modules, f"transformer.h.0.{PUBLISHED[target]}")]
        except re.error as error:
            raise ValueError(
                f"target_modules: wanted names or a regular expression, got {modules!r}: {error}"
            ) from None
        return tuple(meant)
    if not isinstance(modules, list) or not all(isinstance(name, str) for name in modules):
        raise ValueError(f"target_modules: wanted a list of names, got {modules!r}; save the adapter again")
    found = {name: [target for target in TARGETS if _ends(PUBLISHED[target], _in_a_block(name))] for name in modules}
    if strangers := [name for name, meant in found.items() if not meant]:
        raise ValueError(
            f"target_modules: wanted linear layers of GPT-2's blocks ({', '.join(PUBLISHED.values())}), got "
            f"{', '.join(strangers)}; GPT-2's head is its table, so neither can change alone"
        )
    return tuple(target for target in TARGETS if any(target in meant for meant in found.values()))


def _in_a_block(name: str) -> str:
    """The name of a layer without that of its block; that all blocks have it the tensors show."""
    return re.sub(r"^(transformer\.)?h\.\d+\.", "", name)


def _ends(published: str, name: str) -> bool:
    return f".{published}".endswith(f".{name}")


def _number(content: Mapping[str, Any], name: str, default: Any, kind: type) -> Any:
    value = content.get(name, default)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or value != kind(value)
    ):
        raise ValueError(f"{name}: wanted a {'whole ' if kind is int else ''}number, got {value!r}; correct it")
    return kind(value)
