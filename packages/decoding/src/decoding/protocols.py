"""What decoding needs of a model, of its cache and of a tokenizer. Anything that has these members will do."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor


@runtime_checkable
class Cache(Protocol):
    """The memory of a batch of rows, allocated once; `attention.KeyValueCache` is one."""

    lengths: Int[Tensor, " B"]
    """Real tokens held per row, on the device where the model wants its tokens."""

    def select(self, rows: Int[Tensor, " R"]) -> None:
        """Keep the rows with these numbers, in this order."""


@runtime_checkable
class LanguageModel(Protocol):
    """A model that one can decode. `decoding.contract.check` tries whether it keeps the promises below."""

    @property
    def n_ctx(self) -> int:
        """The longest sequence that has positions, in tokens. A longer one raises ValueError."""

    @property
    def n_vocab(self) -> int:
        """Number of token ids; ids are 0 to n_vocab - 1."""

    def new_cache(self, batch: int, length: int) -> Any:
        """An empty `Cache` for `batch` rows of up to `length` tokens each."""

    # An optional attribute `end_ids` names the ids that end a text where these are others than the tokenizer's.

    def __call__(
        self,
        tokens: Int[Tensor, "B T"],
        cache: Any = None,
        lengths: Int[Tensor, " B"] | None = None,
        last_only: bool = False,
    ) -> Float[Tensor, "..."]:
        """Logits "B T V" of the token after each, or "B V" after the last real one of each row with `last_only`.

        `lengths` says how many of the T tokens of each row are real (None: all); the rest is padding on the right and
        changes nothing. The position of row r's token t is `cache.lengths[r] + t` (`t` without a cache). A call appends
        the real tokens to the cache.
        """


@runtime_checkable
class Tokenizer(Protocol):
    """Text to ids and back. Ids decode to bytes, because one token may hold a part of a character."""

    @property
    def end_of_text(self) -> int:
        """The id that ends a document."""

    @property
    def n_vocab(self) -> int:
        """Number of token ids."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text; special tokens in the text are ordinary text."""

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """The UTF-8 bytes that these ids stand for."""
