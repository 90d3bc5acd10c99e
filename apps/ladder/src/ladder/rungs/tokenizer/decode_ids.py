"""From tokens to text.

Back is easier: put the bytes of the tokens together and read them as UTF-8. There is one trap. A letter such as é has
two bytes, an emoji four, and a token may end in the middle of one. Who turns each token into text on its own finds
broken letters that were whole.

And a model may write bytes that are no text at all. Then the broken place shows as "�" and the rest is read as usual.

For a text that is still being written, the beginning of a letter at its end is no mistake yet: its other bytes may come
with the next token. `decode_stream` therefore gives what is complete, and the bytes that wait.

Write `decode_ids` and `decode_stream`; `tokens[i]` are the bytes of id i.
"""


def decode_ids(ids: list[int], tokens: list[bytes]) -> str:
    """The text of ids."""
    # hole
    # hint: First all bytes in one, then one decode.
    # hint: b"".join(tokens[i] for i in ids)
    # hint: .decode("utf-8", errors="replace") puts � where bytes are no text.
    whole = b"".join(tokens[i] for i in ids)
    return whole.decode("utf-8", errors="replace")
    # end


def decode_stream(waiting: bytes, token: bytes) -> tuple[str, bytes]:
    """The text that is complete with this token, and what waits; all bytes given are parts of valid UTF-8."""
    # hole
    # hint: Try to decode all; if that fails, the last bytes are the beginning of a letter, 1 to 3 of them.
    # hint: A UnicodeDecodeError says where it failed: error.start.
    # hint: Up to error.start all is complete; from there on it waits.
    whole = waiting + token
    try:
        return whole.decode("utf-8"), b""
    except UnicodeDecodeError as error:
        return whole[: error.start].decode("utf-8"), whole[error.start :]
    # end
