"""A field that holds something else than its annotation says is named; what JSON makes of a right one passes."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from workbench import check_kinds


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    kind: Literal["linear", "cosine", 3] = "linear"


@dataclass(frozen=True)
class Outer:
    steps: int = 1
    name: str | None = None
    out: Annotated[Path | None, "help"] = None
    flag: bool = False
    ends: Sequence[int] | None = None
    texts: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    inner: Inner = Inner()
    anything: Any = None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"steps": "3"}, "steps: wanted a whole number, got '3'"),
        ({"steps": True}, "steps: wanted a whole number, got True"),
        ({"steps": 1.0}, "steps: wanted a whole number, got 1.0"),
        ({"steps": None}, "steps: wanted a whole number, got None"),
        ({"name": 0}, "name: wanted a text or None, got 0"),
        ({"out": 7}, "out: wanted a path or None, got 7"),
        ({"flag": 1}, "flag: wanted True or False, got 1"),
        ({"ends": [1, "x"]}, "ends: wanted a Sequence or None, got"),
        ({"ends": "12"}, "ends: wanted a Sequence or None, got '12'"),
        ({"texts": "ab"}, "texts: wanted a tuple, got 'ab'"),
        ({"texts": ("a", 2)}, "texts: wanted a tuple, got"),
        ({"data": [1]}, "data: wanted a dictionary, got"),
        ({"inner": {}}, "inner: wanted a Inner, got {}"),
        ({"inner": Inner(rate="x")}, "inner.rate: wanted a number, got 'x'"),
        ({"inner": Inner(rate=True)}, "inner.rate: wanted a number, got True"),
        ({"inner": Inner(kind="step")}, "inner.kind: wanted 'linear' or 'cosine' or 3, got 'step'"),
        ({"inner": Inner(kind=3.0)}, "inner.kind: wanted 'linear' or 'cosine' or 3, got 3.0"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_the_name_of_its_field(values, words):
    with pytest.raises(TypeError) as refused:
        check_kinds(Outer(**values))
    assert str(refused.value).startswith(words)


def test_right_values_pass_and_so_does_what_json_makes_of_them():
    right = Outer(name="a", out=Path("b"), flag=True, ends=(1, 2), texts=("x",), data={"a": 1}, inner=Inner(rate=1))
    check_kinds(right)
    again = json.loads(json.dumps(asdict(right), default=str))
    check_kinds(Outer(**{**again, "inner": Inner(**again["inner"])}))
    check_kinds(Outer(inner=Inner(kind=3), anything=object()))


def test_the_place_of_a_record_stands_before_the_field():
    with pytest.raises(TypeError, match=r"^run\.json: steps: wanted"):
        check_kinds(Outer(steps="x"), "run.json: ")
