"""From files on disk to batches, in an order that can be resumed."""

from .arrays import ArrayDataset, in_memory
from .augmentation import AffineAugmentation
from .corpora import Corpus, Document, embedded_text, read_text
from .description import Description, contact_sheet, describe
from .digit_images import digits
from .example_splits import split_by_content, split_by_fraction
from .idx_files import read_idx
from .image_folder import ImageFolder, read_image
from .image_transforms import Statistics, compose, normalise, statistics, to_tensor
from .loader import Batches
from .mixtures import Mixture
from .mnist_images import mnist
from .packing import document_places
from .permutation import permute
from .reading import ExampleError, example_keys, uniform
from .shard_manifest import Shard
from .shard_reading import TokenShards, read_shards
from .shard_writing import write_shards
from .splits import split_corpus
from .stream import BatchStream
from .tables import Table, read_table
from .text_streams import TextStream, is_record_file, split_stream, stream_dataset, stream_text, text_paths
from .token_files import read_tokens, write_tokens
from .transformed import Augmented, BatchTransformed, Subset, Transformed
from .windows import IGNORED, TokenWindows
from .workers import WorkerError

__all__ = [
    "IGNORED",
    "AffineAugmentation",
    "ArrayDataset",
    "Augmented",
    "BatchStream",
    "BatchTransformed",
    "Batches",
    "Corpus",
    "Description",
    "Document",
    "ExampleError",
    "ImageFolder",
    "Mixture",
    "Shard",
    "Statistics",
    "Subset",
    "Table",
    "TextStream",
    "TokenShards",
    "TokenWindows",
    "Transformed",
    "WorkerError",
    "compose",
    "contact_sheet",
    "describe",
    "digits",
    "document_places",
    "embedded_text",
    "example_keys",
    "in_memory",
    "is_record_file",
    "mnist",
    "normalise",
    "permute",
    "read_idx",
    "read_image",
    "read_shards",
    "read_table",
    "read_text",
    "read_tokens",
    "split_by_content",
    "split_by_fraction",
    "split_corpus",
    "split_stream",
    "statistics",
    "stream_dataset",
    "stream_text",
    "text_paths",
    "to_tensor",
    "uniform",
    "write_shards",
    "write_tokens",
]
