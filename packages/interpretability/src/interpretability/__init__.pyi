"""What goes on inside a GPT-2: named places, attributions, lenses, ablations, features, and a page that shows them."""

# In reading order.
# isort: skip_file

from .places import PLACES as PLACES, Place as Place, places_of as places_of
from .trace import editing as editing, head_writes as head_writes, tracing as tracing
from .attribution import Attribution as Attribution, attribute as attribute, attribute_neurons as attribute_neurons
from .circuits.paths import Paths as Paths, attribute_paths as attribute_paths
from .circuits.gradients import logit_of as logit_of
from .interventions.effects import Effect as Effect, benjamini_hochberg as benjamini_hochberg, holm as holm
from .ablation import Part as Part, ablate as ablate, parts_of as parts_of
from .circuits.patching import Patching as Patching, patch as patch, trace_causally as trace_causally
from .circuits.path_patching import patch_path as patch_path

__version__: str
