"""How the threads of a product wait for each other; nothing here imports torch."""

import os


def spin_briefly() -> None:
    """For a command, before torch is imported: threads that wait look some microseconds, then sleep.

    On a busy machine a thread that keeps looking takes the core of the one it waits for, and steps of milliseconds take
    a hundred times as long. Falling asleep at once is safe too, but waking up costs up to a quarter of a decoding step
    and a fifth of a small training step. In between, GNU's OpenMP, which torch brings on Linux, loses a tenth to a
    fifth of a decoding step where nothing else runs, and nothing beside other work; others are told to sleep. Whoever
    sets OMP_WAIT_POLICY or GOMP_SPINCOUNT is left alone.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
