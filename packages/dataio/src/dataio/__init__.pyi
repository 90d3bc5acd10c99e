"""From files on disk to batches, in an order that can be resumed."""

from . import contract as contract
from .arrays import ArrayDataset as ArrayDataset, in_memory as in_memory
from .datasets.description import Description as Description, contact_sheet as contact_sheet, describe as describe
from .datasets.mixtures import Mixture as Mixture
from .datasets.splits import split_by_content as split_by_content, split_by_fraction as split_by_fraction
from .datasets.tables import Table as Table, read_table as read_table
from .datasets.transformed import (
    Augmented as Augmented,
    BatchTransformed as BatchTransformed,
    Subset as Subset,
    Transformed as Transformed,
)
from .images.augmentation import AffineAugmentation as AffineAugmentation, move_pixels as move_pixels
from .images.digits import digits as digits
from .images.folder import ImageFolder as ImageFolder, read_image as read_image
from .images.idx import read_idx as read_idx
from .images.mnist import mnist as mnist
from .images.transforms import (
    Statistics as Statistics,
    compose as compose,
    normalise as normalise,
    statistics as statistics,
    to_tensor as to_tensor,
)
from .loader import Batches as Batches
from .permutation import permute as permute
from .processes.workers import WorkerError as WorkerError
from .reading import ExampleError as ExampleError, example_keys as example_keys, uniform as uniform
from .stream import BatchStream as BatchStream
from .texts.corpora import (
    Corpus as Corpus,
    Document as Document,
    embedded_text as embedded_text,
    read_text as read_text,
)
from .texts.packing import document_places as document_places
from .texts.splits import HeldOutFrom as HeldOutFrom, how_it_was_split as how_it_was_split, split_corpus as split_corpus
from .texts.streams import (
    TextStream as TextStream,
    is_record_file as is_record_file,
    split_stream as split_stream,
    stream_dataset as stream_dataset,
    stream_text as stream_text,
    text_paths as text_paths,
)
from .tokens.files import read_tokens as read_tokens, write_tokens as write_tokens
from .tokens.manifest import Shard as Shard
from .tokens.reading import TokenShards as TokenShards, read_shards as read_shards
from .tokens.writing import write_shards as write_shards
from .windows import IGNORED as IGNORED, ShiftedWindows as ShiftedWindows, TokenWindows as TokenWindows

__version__: str
