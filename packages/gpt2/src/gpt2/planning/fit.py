"""`gpt2 fit`: will it fit, and for how long? Memory, the largest micro-batch and hours, before anything runs."""

import os
import re
from pathlib import Path

from ..commands.settings import FitSettings
from ..config import GPT2Config
from ..recipes import RECIPES
from .memory import TrainingMemory, checked_time, inference_memory, training_memory

SHARE = 0.9
"""Of the free memory that is planned with: the rest is for the process itself and what other programs may want."""
SUSTAINED = 0.5
"""Of the speed of a large product, what whole training steps reach, about: 0.44 for `quick` in 16-bit products, 0.7 for
six layers 384 wide and 0.8 for 124M in float32 (`tests/benchmarks/time_to_quality.py`, `training_throughput.py`)."""


def describe(settings: FitSettings) -> str:
    """The plan as two small tables."""
    config = shape_of(settings.source)
    time = checked_time(config, settings.context)
    if settings.devices < 1:
        raise ValueError(f"--devices: wanted at least 1, got {settings.devices}; leave it out for one")
    if settings.speed is not None and settings.tokens is None:
        raise ValueError(
            f"--speed: wanted --tokens beside it, got {settings.speed:g} alone; say how many to learn from"
        )
    device, free = _memory(settings)
    recipe = next((recipe for recipe in RECIPES if recipe.config is config), None)
    optimizer = settings.optimizer or (recipe.optimizer if recipe else "adamw")
    precision = _precision(settings)
    training = training_memory(config, time, optimizer, precision).shared(settings.devices)
    inference = inference_memory(config, time)
    budget = int(SHARE * free)
    windows, rows = training.largest(budget), inference.largest(budget)
    most = -(-recipe.batch_size // settings.devices) if recipe else windows + 1
    size = _gb if training.peak(1) >= 1e8 else _mb
    lines = [
        f"{settings.source}: {config.n_parameters:,} parameters, windows of {time} tokens, on {device} with "
        f"{_gb(free)} free",
        "",
        f"training with {optimizer} in {precision}" + (f", one of {settings.devices} devices" * (settings.devices > 1)),
        *(f"  {name:34}{size(getattr(training, name)):>12}" for name in ("weights", "gradients", "optimizer")),
        *([f"  {'matrices in 16 bits':34}{size(training.copies):>12}"] if training.copies else []),
        f"  {'logits and their way back':34}{size(training.head + min(training.logits, training.window_logits)):>12}",
        f"  {'kept for the way back, a window':34}{size(training.window):>12}",
        f"  {'in all with one window at a time':34}{size(training.peak(1)):>12}",
        f"  {_advice(training, budget, min(windows, most), most)}",
        *([] if settings.tokens is None else [f"  {_hours(settings, settings.tokens, config, time)}"]),
        "",
        "inference in float32",
        f"  {'weights':34}{size(inference.weights):>12}",
        f"  {'cache and activations, a row':34}{size(inference.row):>12}",
        f"  largest batch: {rows} row{'s' * (rows != 1)} of {time} tokens"
        if rows
        else "  does not fit; try a smaller --context",
    ]
    return "\n".join(lines)


def shape_of(source: str) -> GPT2Config:
    """The shape behind a published name, a recipe's, or a source that `load` reads."""
    shapes = {recipe.name: recipe.config for recipe in RECIPES if recipe.name != "finetune"}
    if source == "finetune":
        raise ValueError("finetune: wanted a shape, got the recipe that takes its source's; name that source")
    if source in shapes and not Path(source).exists():
        return shapes[source]
    from ..files.folder import read_configuration
    from ..files.loading import READERS, find_source

    try:
        place = find_source(source)
    except (OSError, ImportError):
        if "/" in source:
            raise
        raise ValueError(
            f"{source}: wanted a size ({', '.join(shapes)}), a model's folder or a model on the hub, got none of "
            "these; choose a size, check the path or the name, or go online once"
        ) from None
    return read_configuration(place) if place.is_dir() else READERS[place.suffix](place)[0]


def _advice(training: TrainingMemory, budget: int, windows: int, most: int) -> str:
    """Of a recipe's batch of `most` windows, so many fit at a time."""
    if not windows:
        context = "" if training.peak(0) > budget else "a smaller --context, "
        return f"does not fit; try {context}a smaller model, a device with more memory, or several (--devices)"
    if windows == most:
        return f"all {most} windows of the recipe's batch fit at once, {_gb(training.peak(windows))} of {_gb(budget)}"
    return (
        f"largest micro-batch: {windows} window{'s' * (windows != 1)}, {_gb(training.peak(windows))}: one more would "
        f"not fit in {_gb(budget)}, {SHARE:.0%} of what is free; train with --micro-batch-size {windows} or less"
    )


def _hours(settings: FitSettings, tokens: float, config: GPT2Config, time: int) -> str:
    """How long so many tokens take, and by which speed."""
    if not tokens > 0:
        raise ValueError(f"--tokens: wanted a number above 0, got {tokens:g}; such as 10e9")
    if settings.speed is not None and not settings.speed > 0:
        raise ValueError(f"--speed: wanted TFLOP/s above 0, got {settings.speed:g}; leave it out to measure")
    each = settings.speed or SUSTAINED * _peak(settings.device) / 1e12
    hours = config.flops_per_token(time) * tokens / (each * 1e12 * settings.devices) / 3600
    length = f"{hours:,.1f} hours" if hours >= 1 else f"{hours * 60:,.1f} minutes"
    measured = "" if settings.speed else f" ({SUSTAINED:.0%} of what one product reaches here)"
    return f"{tokens:,.0f} tokens: {length} at {each:,.3g} TFLOP/s a device{measured}"


def _peak(device: str) -> float:
    """Operations a second of a large product, of the kind that `train` multiplies with there by itself."""
    import torch

    from trainkit import measured_peak

    from ..machine.device_names import device_named
    from ..machine.precision import choose_precision

    place = device_named(device)
    short = choose_precision("auto", place) == "bfloat16"
    return measured_peak(place, torch.bfloat16 if short else torch.float32)


def _precision(settings: FitSettings) -> str:
    """What was asked for, or what `train` would take on the device."""
    if settings.precision not in (None, "auto"):
        return settings.precision
    if settings.memory is not None:
        return "float32"
    from ..machine.device_names import device_named
    from ..machine.precision import choose_precision

    return choose_precision("auto", device_named(settings.device))


def _memory(settings: FitSettings) -> tuple[str, int]:
    """The device's name and its free bytes, or those that were asked for."""
    if settings.memory is not None:
        if not settings.memory > 0:
            raise ValueError(f"--memory: wanted gigabytes above 0, got {settings.memory}; leave it out to look")
        return "a device", int(settings.memory * 1e9)
    import torch

    from ..machine.device_names import device_named

    device = device_named(settings.device)
    if device.type == "cuda":
        return str(device), torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return str(device), torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return str(device), free_memory()


def free_memory() -> int:
    """Bytes of main memory that a new process may take; OSError with what to do where the system does not say."""
    information = Path("/proc/meminfo")
    if information.is_file():
        found = re.search(r"MemAvailable:\s+(\d+) kB", information.read_text(encoding="ascii"))
        if found:
            return int(found[1]) * 1024
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    raise OSError("memory: wanted the system to say how much is free, got no answer; name it with --memory GB")


def _gb(size: int) -> str:
    return f"{size / 1e9:,.2f} GB"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.2f} MB"
