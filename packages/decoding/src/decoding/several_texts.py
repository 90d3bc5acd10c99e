"""A text in Python is a sequence of texts too, of its letters: where several are wanted, one is a mistake."""


def check_several(texts: object, name: str) -> None:
    """TypeError for one text where a list of them is wanted."""
    if isinstance(texts, str):
        shown = repr(texts[:40])
        raise TypeError(f"wanted a list of {name}, got one text, {shown}; write [{shown}] for a list of one")
