"""Typical wrong solutions of the rungs about whole runs."""

WRONG = {
    "early_stopping": [
        (
            "compared with the one before",
            ["end = losses[-patience - 1 :]\nreturn len(end) > patience and all(b > a for a, b in zip(end, end[1:]))"],
            "compared with the one before it|wanted     True",
        ),
        (
            "equal is better",
            [
                """
                best, since = float("inf"), 0
                for loss in losses:
                    if loss <= best:
                        best, since = loss, 0
                    else:
                        since += 1
                return since >= patience
                """
            ],
            "equal counts as better",
        ),
        (
            "too late",
            [
                """
                best, since = float("inf"), 0
                for loss in losses:
                    best, since = (loss, 0) if loss < best else (best, since + 1)
                return since > patience
                """
            ],
            "one evaluation too long",
        ),
        (
            "NaN is best",
            ["best = min(losses, default=0)\nreturn bool(losses) and len(losses) - 1 - losses.index(best) >= patience"],
            "nan",
        ),
        (
            "NaN is not asked for",
            [
                """
                if len(losses) <= patience:
                    return False
                return min(losses[-patience:]) >= min(losses[:-patience])
                """,
            ],
            "a NaN counts as better",
        ),
    ],
    "checkpoint": [
        ("in place", ["path.write_bytes(content)"], "written over in place"),
        (
            "in place, flushed",
            ["with open(path, 'wb') as file:\n    file.write(content)\n    file.flush()\n    os.fsync(file.fileno())"],
            "in place",
        ),
        (
            "renamed without fsync",
            ["aside = path.with_name(path.name + '.part')\naside.write_bytes(content)\nos.replace(aside, path)"],
            "not flushed to the disk",
        ),
        (
            "fsync before flush",
            [
                """
                aside = path.with_name(path.name + ".part")
                with open(aside, "wb") as file:
                    file.write(content)
                    os.fsync(file.fileno())
                os.replace(aside, path)
                """
            ],
            "not flushed to the disk",
        ),
        (
            "the old one removed first",
            [
                """
                aside = path.with_name(path.name + ".part")
                with open(aside, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink(missing_ok=True)
                aside.rename(path)
                """
            ],
            "at any moment the old content or the new one",
        ),
    ],
}
