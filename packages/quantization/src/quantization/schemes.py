"""The ways a layer can hold its weights, by name."""

from dataclasses import dataclass

NAMES = ("int8", "int8-weight-only", "int4", "bfloat16", "float32")
CHOICES = "int8, int8-weight-only, int4, int4:GROUP, bfloat16 or float32"
GROUP_SIZE = 32


@dataclass(frozen=True)
class Scheme:
    """How a layer holds its weights.

    "int8": whole numbers of eight bits with a scale for each row of the weights, multiplied with activations that
    become whole numbers too, row by row, while the model runs. "int8-weight-only": the activations stay as they are.
    "int4": four bits and a scale for every `group_size` neighbours of a row. "bfloat16": half a float32 each.
    "float32": left as it is.
    """

    name: str = "int8"
    group_size: int | None = None
    """Weights of a row that share a scale, for int4 alone; None is all of the row."""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"scheme: wanted one of {CHOICES}, got {self.name!r}; int8 loses next to nothing")
        if self.group_size is not None and (self.name != "int4" or self.group_size < 2 or self.group_size % 2):
            raise ValueError(
                f"group_size: wanted an even number of weights, with int4 alone, got {self.group_size} with "
                f"{self.name}; 32, 64 and 128 are usual"
            )

    def __str__(self) -> str:
        return self.name if self.group_size is None else f"{self.name}:{self.group_size}"

    @property
    def bits(self) -> int:
        """Bits of one weight, without its share of a scale."""
        return {"int8": 8, "int8-weight-only": 8, "int4": 4, "bfloat16": 16, "float32": 32}[self.name]


def scheme(text: "str | Scheme") -> Scheme:
    """The scheme of a name: "int8", or "int4:64" for groups of 64; "int4" has groups of 32. ValueError for others."""
    if isinstance(text, Scheme):
        return text
    name, colon, size = text.partition(":")
    if colon and not size.isdecimal():
        raise ValueError(f"scheme: wanted a number after the colon, as in int4:64, got {text!r}; leave it out for 32")
    return Scheme(name, int(size) if colon else GROUP_SIZE if name == "int4" else None)
