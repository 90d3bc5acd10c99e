"""Ids and positions as vectors, and pictures of them."""

from . import contract as contract
from .alibi import alibi_bias as alibi_bias, alibi_slopes as alibi_slopes
from .measures import linear_cka as linear_cka, nearest_rows as nearest_rows
from .pictures.figures import compare as compare, heat_map as heat_map, plot as plot, similarity_map as similarity_map
from .pictures.projections import Projection as Projection, project as project
from .pictures.projector import export_projector as export_projector
from .positions import LearnedPositions as LearnedPositions
from .rotary import RotaryPositions as RotaryPositions, rotate as rotate
from .rotary_scaling import linear_scaling as linear_scaling, ntk_scaling as ntk_scaling, yarn_scaling as yarn_scaling
from .sinusoids import sinusoidal_positions as sinusoidal_positions, wavelengths as wavelengths
from .tokens import TokenEmbedding as TokenEmbedding, grow_vocabulary as grow_vocabulary
from .words.files import read_vectors as read_vectors, write_vectors as write_vectors
from .words.hashed_ngrams import HashedNgrams as HashedNgrams
from .words.learning import skip_gram as skip_gram
from .words.vectors import GivenTable as GivenTable, WordVectors as WordVectors, table_for as table_for

__version__: str
