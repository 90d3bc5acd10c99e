"""Draws places.svg: eight requests on three places, in turns of a batch and as `decoding.Batch` does it.

python draw_places.py        (needs matplotlib)
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from decoding import Batch, GenerationSettings
from gpt2 import GPT2, GPT2Config

PLACES = 3
ARRIVES = (0, 0, 0, 3, 5, 6, 16, 18)
LENGTHS = (6, 18, 9, 12, 7, 10, 12, 6)
COLORS = plt.get_cmap("tab10").colors


def in_turns() -> list[list[int | None]]:
    """By step, who is in each place, where a batch is filled only once all of its texts have ended."""
    waiting, steps = list(range(len(LENGTHS))), []
    while waiting:
        here = [n for n in waiting if ARRIVES[n] <= len(steps)][:PLACES]
        if not here:
            steps.append([None] * PLACES)
            continue
        waiting = [n for n in waiting if n not in here]
        for step in range(max(LENGTHS[n] for n in here)):
            steps.append([n if step < LENGTHS[n] else None for n in here] + [None] * (PLACES - len(here)))
    return steps


def continuous() -> list[list[int | None]]:
    """By step, who got an id in each place: what `decoding.Batch` did with a model of random weights."""
    model = GPT2(GPT2Config(n_vocab=64, n_ctx=64, n_embd=32, n_head=4, n_layer=1)).eval()
    batch, rows, steps, places = Batch(model, max_rows=PLACES), [], [], [None] * PLACES
    while len(rows) < len(LENGTHS) or any(row.finish_reason is None for row in rows):
        for number, arrives in enumerate(ARRIVES):
            if arrives == len(steps) and number == len(rows):
                rows.append(batch.add([number + 1], GenerationSettings(max_new_tokens=LENGTHS[number])))
        got = batch.step()
        wrote = [number for number, row in enumerate(rows) if row in got]
        places = [n if n in wrote else None for n in places]
        for number in wrote:
            if number not in places:
                places[places.index(None)] = number
        steps.append(places)
    return steps


def draw(axes, steps: list[list[int | None]], title: str) -> None:
    for step, places in enumerate(steps):
        for place, number in enumerate(places):
            if number is not None:
                axes.barh(place, 1, left=step, color=COLORS[number], edgecolor="white", linewidth=0.5)
    for number in range(len(LENGTHS)):
        place = next(p for places in steps for p, n in enumerate(places) if n == number)
        begins = next(step for step, places in enumerate(steps) if number in places)
        axes.text(begins + 0.25, place, str(number + 1), color="white", va="center", fontsize=8, fontweight="bold")
        if begins > ARRIVES[number]:
            y = PLACES - 0.3 + 0.22 * (number - 3)
            axes.plot([ARRIVES[number], begins], [y, y], color=COLORS[number], linewidth=2)
            axes.text(ARRIVES[number] - 0.2, y, str(number + 1), ha="right", va="center", fontsize=7)
    idle = sum(places.count(None) for places in steps)
    axes.set(title=f"{title}: {len(steps)} steps, {idle} places unused", xlim=(-1, 47), ylim=(PLACES + 0.95, -0.6))
    axes.set_yticks([*range(PLACES), PLACES + 0.25], [*(f"place {n + 1}" for n in range(PLACES)), "waiting"])
    axes.spines[["top", "right"]].set_visible(False)


torch.manual_seed(0)
plt.rcParams["svg.hashsalt"] = "places"
figure, (above, below) = plt.subplots(2, 1, figsize=(8, 4.4), layout="constrained", sharex=True)
draw(above, in_turns(), "One batch after the other")
draw(below, continuous(), "Places that are filled as they become free")
below.set_xlabel("step: one call of the model, one token of every text that has a place")
figure.savefig(Path(__file__).with_name("places.svg"), metadata={"Date": None})
