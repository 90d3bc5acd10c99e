"""From files on disk to batches, in an order that can be resumed."""

from .arrays import ArrayDataset
from .corpora import Corpus, Document, embedded_text, read_text
from .digit_images import digits
from .loader import Batches
from .permutation import permute
from .reading import ExampleError, example_keys, uniform
from .splits import split_corpus
from .stream import BatchStream
from .token_files import read_tokens, write_tokens
from .windows import IGNORED, TokenWindows
from .workers import WorkerError

__all__ = [
    "IGNORED",
    "ArrayDataset",
    "BatchStream",
    "Batches",
    "Corpus",
    "Document",
    "ExampleError",
    "TokenWindows",
    "WorkerError",
    "digits",
    "embedded_text",
    "example_keys",
    "permute",
    "read_text",
    "read_tokens",
    "split_corpus",
    "uniform",
    "write_tokens",
]
