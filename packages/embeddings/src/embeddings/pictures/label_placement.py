"""Labels beside their points, so that none covers another."""

from collections.abc import Sequence
from typing import Any

import numpy as np

CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # right and up of the point, right and down, ...


def set_labels(figure: Any, axes: Any, coordinates: np.ndarray, labels: Sequence[str], color: str) -> None:
    """Set each label at that corner of its point where it covers no earlier label, stays inside the frame, and covers
    the fewest points; leave it out where there is no such corner."""
    figure.draw_without_rendering()  # the layout must be final: boxes are in pixels
    figure.set_layout_engine("none")
    points, taken = axes.transData.transform(coordinates[:, :2]), np.empty((0, 4))
    for place, text in zip(coordinates[:, :2], labels, strict=True):
        note = axes.annotate(text, place, xytext=(3, 3), textcoords="offset points", fontsize=8, color=color)
        free = free_corners(note, axes.get_window_extent().extents, points, taken)
        if not free:
            note.remove()
            continue
        _, corner, box = min(free, key=lambda found: found[0])
        move(note, corner)
        taken = np.vstack([taken, box])


def free_corners(
    note: Any, frame: np.ndarray, points: np.ndarray, taken: np.ndarray
) -> list[tuple[int, tuple[int, int], np.ndarray]]:
    """(points that the label would cover there, corner, box) of every corner where there is room."""
    free = []
    for corner in CORNERS:
        move(note, corner)
        box = note.get_window_extent().extents  # left, bottom, right, top
        apart = (box[2:] < taken[:, :2]) | (box[:2] > taken[:, 2:])
        inside = (frame[:2] < box[:2]).all() and (box[2:] < frame[2:]).all()
        if inside and apart.any(axis=1).all():
            covered = ((box[:2] <= points) & (points <= box[2:])).all(axis=1)
            free.append((int(covered.sum()), corner, box))
    return free


def move(note: Any, corner: tuple[int, int]) -> None:
    right, up = corner
    note.set_position((3 * right, 3 * up))
    note.set(ha="left" if right > 0 else "right", va="bottom" if up > 0 else "top")
