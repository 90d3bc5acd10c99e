"""What decides the result of a run, as plain data: two runs of equal facts are one, and facts say what differs."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any


def digest_of(facts: dict[str, Any]) -> str:
    """That of a run of these facts. What is off, zero or none is left out: a switch that comes later changes none."""
    on = json.dumps({name: value for name, value in flat(facts).items() if value}, sort_keys=True)
    return hashlib.sha256(on.encode()).hexdigest()[:16]


def flat(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts of a run, those of its recipe and its shape among them, in one table."""
    rest = {name: value for name, value in facts.items() if name != "recipe"}
    return {**facts["recipe"], "config": None, **facts["recipe"]["config"], **rest}


def differences(first: dict[str, Any], second: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each field, by its name in `train`, that two runs do not have in common, and both values."""
    one, other = flat(first), flat(second)
    for name in dict.fromkeys([*one, *other]):
        if name != "name" and (one.get(name) or other.get(name)) and one.get(name) != other.get(name):
            yield name, one.get(name), other.get(name)
