"""Draws schedules.svg from the functions themselves: `python draw_schedules.py` (needs matplotlib)."""

from pathlib import Path

import matplotlib.pyplot as plt

from trainkit import constant, cosine, linear_to_zero, warmup_stable_decay

STEPS, WARMUP = 1000, 100
SCHEDULES = {
    "constant(warmup=100)": constant(WARMUP),
    "cosine(1000, warmup=100)": cosine(STEPS, WARMUP),
    "linear_to_zero(1000, warmup=100)": linear_to_zero(STEPS, WARMUP),
    "warmup_stable_decay(1000, warmup=100)": warmup_stable_decay(STEPS, WARMUP),
}

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for (name, factor), style in zip(SCHEDULES.items(), ("-", "--", "-.", ":"), strict=True):
    axes.plot([factor(step) for step in range(STEPS + 1)], style, label=name, linewidth=2)
axes.set(xlabel="step", ylabel="factor on the learning rate", ylim=(0, 1.08), xlim=(0, STEPS))
axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.1, 0.0))
plt.rcParams["svg.hashsalt"] = "schedules"
figure.savefig(Path(__file__).with_name("schedules.svg"), metadata={"Date": None})
