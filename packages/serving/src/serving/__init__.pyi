"""A model folder as an API: OpenAI's completions, where the same request gives the same text under any load."""

# In reading order.
# isort: skip_file

from .jobs import (
    Draining as Draining,
    Failed as Failed,
    Finished as Finished,
    Form as Form,
    Full as Full,
    Guidance as Guidance,
    Job as Job,
    NotTaking as NotTaking,
    Piece as Piece,
    PromptScores as PromptScores,
    UnknownModel as UnknownModel,
    Usage as Usage,
)
from .status import Histogram as Histogram, Served as Served, State as State, Stats as Stats
from .engine.engine import Engine as Engine
from .engine.loading import Loaded as Loaded, load as load

__version__: str
