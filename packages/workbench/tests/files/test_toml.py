"""TOML that a person wrote: a complaint names the line."""

from pathlib import Path

import pytest

from workbench import line_of, parse_toml

TEXT = """# name = 1
name = 2
steps = 3

[[recipes]]
name = "a"

[[recipes]]
name = "b"
steps = 4

[recipes.more]
rate = 1

[shape]
steps = 5
"""


def test_what_is_no_toml_is_named_with_its_line():
    assert parse_toml("a = 1", Path("x.toml"), "look") == {"a": 1}
    with pytest.raises(ValueError, match=r"^x.toml: wanted TOML, got something else: .*line 2.*; look$"):
        parse_toml("a = 1\nb\nc = 2", Path("x.toml"), "look")
    with pytest.raises(ValueError, match=r"x\.toml: wanted TOML"):
        parse_toml("a = " + "[" * 10_000, Path("x.toml"), "look")


@pytest.mark.parametrize(
    ("field", "table", "number", "line"),
    [
        ("name", "", 0, 2),
        ("steps", "", 0, 3),
        ("shape", "", 0, 15),
        ("name", "recipes", 0, 6),
        ("name", "recipes", 1, 9),
        ("steps", "recipes", 1, 10),
        ("rate", "recipes", 1, 13),
        ("steps", "recipes", 0, 5),
        ("steps", "shape", 0, 16),
        ("nothing", "", 0, 0),
    ],
)
def test_a_field_is_found_below_its_heading(field, table, number, line):
    assert line_of(TEXT, field, table, number) == (f", line {line}" if line else "")


def test_json_and_inline_tables_have_lines_too():
    assert line_of('{\n  "steps": 3\n}', "steps") == ", line 2"
    assert line_of("a = 1\nb = { steps = 3 }", "steps") == ", line 2"
