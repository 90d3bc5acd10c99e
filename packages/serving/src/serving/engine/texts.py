"""A row's ids as text, piece by piece: whole characters only, and nothing that may turn out to be a stop string."""

import codecs

from decoding import Row, Tokenizer


class RowText:
    """The text of one row as far as it is certain, as `decoding.stream` gives it."""

    def __init__(self, tokenizer: Tokenizer, row: Row) -> None:
        self.tokenizer, self.row = tokenizer, row
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.bytes, self.read, self.shown = b"", 0, 0

    def new(self) -> str:
        """What became certain since the last call; all the rest once the row has ended."""
        row = self.row
        ids = row.ids[self.read :]
        self.read = len(row.ids)
        self.bytes += self.tokenizer.decode_bytes(ids[:-1] if row.finish_reason == "end_of_text" and ids else ids)
        if row.finish_reason is None:
            safe = len(self.bytes) if row.stops is None else min(len(self.bytes), row.stops.safe())
        else:
            safe = len(self.bytes) if row.stops is None or row.stops.end is None else row.stops.end
        piece = self.decoder.decode(self.bytes[self.shown : safe], final=row.finish_reason is not None)
        self.shown = max(self.shown, safe)
        return piece
