"""How GPT-2's vocabulary files spell bytes: every byte as one printable character.

`vocab.json` and `merges.txt` are text files, tokens are byte strings; so each of the 256 bytes is written as a Unicode
character that is neither white space nor a control character (openai/gpt-2 `src/encoder.py`, `bytes_to_unicode`).
"""


def _alphabet() -> dict[int, str]:
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    spelled = {byte: chr(byte) for byte in printable}
    return spelled | {byte: chr(0x100 + number) for number, byte in enumerate(others)}


CHARACTER_OF_BYTE = _alphabet()
BYTE_OF_CHARACTER = {character: byte for byte, character in CHARACTER_OF_BYTE.items()}


def spell(token: bytes) -> str:
    """Bytes as the files spell them: `spell(b" the") == "Ġthe"`."""
    return "".join(CHARACTER_OF_BYTE[byte] for byte in token)


def unspell(text: str) -> bytes:
    """The bytes behind a spelling; KeyError for a character outside the alphabet."""
    return bytes(map(BYTE_OF_CHARACTER.__getitem__, text))
