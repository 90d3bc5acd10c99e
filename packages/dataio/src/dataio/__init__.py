"""From files on disk to batches, in an order that can be resumed."""

from .arrays import ArrayDataset
from .corpora import Corpus, Document, embedded_text, read_text
from .digit_images import digits
from .loader import Batches
from .permutation import permute
from .splits import split_corpus
from .stream import BatchStream
from .token_files import read_tokens, write_tokens
from .windows import IGNORED, TokenWindows

__all__ = [
    "IGNORED",
    "ArrayDataset",
    "BatchStream",
    "Batches",
    "Corpus",
    "Document",
    "TokenWindows",
    "digits",
    "embedded_text",
    "permute",
    "read_text",
    "read_tokens",
    "split_corpus",
    "write_tokens",
]
