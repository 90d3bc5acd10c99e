"""Labels beside their points, so that none covers another."""

from collections.abc import Sequence
from typing import Any

import numpy as np

CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))  # right and up of the point, right and down, ...
AWAY = 3.0
"""Points of type between a point and the corner of its label."""


def set_labels(figure: Any, axes: Any, coordinates: np.ndarray, labels: Sequence[str], color: str) -> None:
    """Set each label at that corner of its point where it covers no earlier label, stays inside the frame, and covers
    the fewest points; leave it out where there is no such corner."""
    figure.draw_without_rendering()  # the layout must be final: boxes are in pixels
    figure.set_layout_engine("none")
    points, taken = axes.transData.transform(coordinates[:, :2]), np.empty((0, 4))
    frame = axes.get_window_extent().extents
    for place, point, text in zip(coordinates[:, :2], points, labels, strict=True):
        note = axes.annotate(text, place, xytext=(0, 0), textcoords="offset points", fontsize=8, color=color)
        free = free_corners(corner_boxes(note, point), frame, points, taken)
        if not free:
            note.remove()
            continue
        _, corner, box = min(free, key=lambda found: found[0])
        move(note, corner)
        taken = np.vstack([taken, box])


def corner_boxes(note: Any, point: np.ndarray) -> list[np.ndarray]:
    """The box (left, bottom, right, top) that the label would have at each of CORNERS. It is measured once, at the
    first: laying a text out takes longer than all else here."""
    move(note, CORNERS[0])
    at_first = note.get_window_extent().extents
    away, size = at_first[:2] - point, at_first[2:] - at_first[:2]
    boxes = []
    for corner in CORNERS:
        low = point + np.where(np.array(corner) > 0, away, -away - size)
        boxes.append(np.concatenate([low, low + size]))
    return boxes


def free_corners(
    boxes: list[np.ndarray], frame: np.ndarray, points: np.ndarray, taken: np.ndarray
) -> list[tuple[int, tuple[int, int], np.ndarray]]:
    """(points that the label would cover there, corner, box) of every corner where there is room."""
    free = []
    for corner, box in zip(CORNERS, boxes, strict=True):
        apart = (box[2:] < taken[:, :2]) | (box[:2] > taken[:, 2:])
        inside = (frame[:2] < box[:2]).all() and (box[2:] < frame[2:]).all()
        if inside and apart.any(axis=1).all():
            covered = ((box[:2] <= points) & (points <= box[2:])).all(axis=1)
            free.append((int(covered.sum()), corner, box))
    return free


def move(note: Any, corner: tuple[int, int]) -> None:
    right, up = corner
    note.set_position((AWAY * right, AWAY * up))
    note.set(ha="left" if right > 0 else "right", va="bottom" if up > 0 else "top")
