"""`gpt2 fit`: will it fit, and for how long? Memory, the largest micro-batch and hours, before anything runs."""

from pathlib import Path

from ..config import GPT2Config
from ..machine.free_memory import free_memory
from ..recipes import RECIPES
from .memory import TrainingMemory, checked_time, inference_memory, training_memory

SHARE = 0.9
"""Of the free memory that is planned with: the rest is for the process itself and what other programs may want."""
SUSTAINED = 0.5
"""Of the speed of a large product, what whole training steps reach, about: 0.44 for `quick` in 16-bit products, 0.7 for
six layers 384 wide and 0.8 for 124M in float32 (`tests/benchmarks/time_to_quality.py`, `training_throughput.py`)."""


def describe(
    source: str,
    *,
    device: str = "auto",
    memory: float | None = None,
    context: int | None = None,
    optimizer: str | None = None,
    precision: str | None = None,
    tokens: float | None = None,
    devices: int = 1,
    speed: float | None = None,
) -> str:
    """The plan as two small tables.

    source: a published size, a recipe, or a model that `load` reads. device: where it would run; memory: so many
    gigabytes instead of what is free there. context: tokens of a window. tokens: to learn from, for the hours, on so
    many `devices` of `speed` TFLOP/s each (default: measured). ValueError for what cannot be planned.
    """
    config = shape_of(source)
    time = checked_time(config, context)
    if devices < 1:
        raise ValueError(f"--devices: wanted at least 1, got {devices}; leave it out for one")
    if speed is not None and tokens is None:
        raise ValueError(f"--speed: wanted --tokens beside it, got {speed:g} alone; say how many to learn from")
    place, free = _memory(device, memory)
    recipe = next((recipe for recipe in RECIPES if recipe.config is config), None)
    optimizer = optimizer or (recipe.optimizer if recipe else "adamw")
    precision = _precision(precision, device, memory)
    training = training_memory(config, time, optimizer, precision).shared(devices)
    inference = inference_memory(config, time)
    budget = int(SHARE * free)
    windows, rows = training.largest(budget), inference.largest(budget)
    most = -(-recipe.batch_size // devices) if recipe else windows + 1
    if recipe and training.peak(most, most) <= budget:
        windows = most
    size = _gb if training.peak(1) >= 1e8 else _mb
    lines = [
        f"{source}: {config.n_parameters:,} parameters, windows of {time} tokens, on {place} with {_gb(free)} free",
        "",
        f"training with {optimizer} in {precision}" + (f", one of {devices} devices" * (devices > 1)),
        *(f"  {name:34}{size(getattr(training, name)):>12}" for name in ("weights", "gradients", "optimizer")),
        *([f"  {'matrices in 16 bits':34}{size(training.copies):>12}"] if training.copies else []),
        f"  {'logits and their way back':34}{size(training.head + min(training.logits, training.window_logits)):>12}",
        f"  {'kept for the way back, a window':34}{size(training.window + training.gaps):>12}",
        f"  {'in all with one window at a time':34}{size(training.peak(1)):>12}",
        f"  {'in all with one window a step':34}{size(training.peak(1, 1)):>12}",
        f"  {_advice(training, budget, min(windows, most), most)}",
        *([] if tokens is None else [f"  {_hours(config.flops_per_token(time), tokens, devices, speed, device)}"]),
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
    from ..files.loading import READERS, source_folder

    try:
        place = source_folder(source)
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
        return (
            f"all {most} windows of the recipe's batch fit at once, {_gb(training.peak(most, most))} of {_gb(budget)}"
        )
    return (
        f"largest micro-batch: {windows} window{'s' * (windows != 1)}, {_gb(training.peak(windows))}: one more would "
        f"not fit in {_gb(budget)}, {SHARE:.0%} of what is free; train with --micro-batch-size {windows} or less"
    )


def _hours(flops: int, tokens: float, devices: int, speed: float | None, device: str) -> str:
    """How long so many tokens of so many operations each take, and by which speed."""
    if not tokens > 0:
        raise ValueError(f"--tokens: wanted a number above 0, got {tokens:g}; such as 10e9")
    if speed is not None and not speed > 0:
        raise ValueError(f"--speed: wanted TFLOP/s above 0, got {speed:g}; leave it out to measure")
    each = speed or SUSTAINED * _peak(device) / 1e12
    hours = flops * tokens / (each * 1e12 * devices) / 3600
    length = f"{hours:,.1f} hours" if hours >= 1 else f"{hours * 60:,.1f} minutes"
    measured = "" if speed else f" ({SUSTAINED:.0%} of what one product reaches here)"
    return f"{tokens:,.0f} tokens: {length} at {each:,.3g} TFLOP/s a device{measured}"


def _peak(device: str) -> float:
    """Operations a second of a large product, of the kind that `train` multiplies with there by itself."""
    import torch

    from trainkit import measured_peak

    from ..machine.precision import choose_precision
    from ..machine.processes import device_named

    place = device_named(device)
    short = choose_precision("auto", place) == "bfloat16"
    return measured_peak(place, torch.bfloat16 if short else torch.float32)


def _precision(asked: str | None, device: str, memory: float | None) -> str:
    """What was asked for, or what `train` would take on the device."""
    if asked not in (None, "auto"):
        return asked
    if memory is not None:
        return "float32"
    from ..machine.precision import choose_precision
    from ..machine.processes import device_named

    return choose_precision("auto", device_named(device))


def _memory(device: str, memory: float | None) -> tuple[str, int]:
    """The device's name and its free bytes, or those that were asked for."""
    if memory is not None:
        if not memory > 0:
            raise ValueError(f"--memory: wanted gigabytes above 0, got {memory}; leave it out to look")
        return "a device", int(memory * 1e9)
    import torch

    from ..machine.processes import device_named

    place = device_named(device)
    if place.type == "cuda":
        return str(place), torch.cuda.mem_get_info(place)[0]
    if place.type == "mps":
        return str(place), torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return str(place), free_memory()


def _gb(size: int) -> str:
    return f"{size / 1e9:,.2f} GB"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.2f} MB"
