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
from .heads.kinds import HeadKinds as HeadKinds, repeated_tokens as repeated_tokens, score_heads as score_heads
from .lens.reading import (
    Translator as Translator,
    TunedLens as TunedLens,
    lens_divergences as lens_divergences,
    lens_places as lens_places,
    read_lens as read_lens,
)
from .lens.tuning import load_lens as load_lens, save_lens as save_lens, tune_lens as tune_lens
from .features.passages import Passage as Passage, TopPassages as TopPassages
from .features.neurons import (
    most_selective as most_selective,
    promoted_tokens as promoted_tokens,
    top_passages as top_passages,
)
from .features.autoencoder import SparseAutoencoder as SparseAutoencoder
from .features.training import FeatureStep as FeatureStep, train_features as train_features
from .features.measures import FeatureReport as FeatureReport, judge_features as judge_features
from .features.folders import load_features as load_features, save_features as save_features
from .features.probes import (
    Probe as Probe,
    ProbeReport as ProbeReport,
    fit_probe as fit_probe,
    probe_place as probe_place,
)
from .history.checkpoints import (
    chosen_checkpoints as chosen_checkpoints,
    kept_checkpoints as kept_checkpoints,
    over_training as over_training,
)
from .induction.texts import copying_texts as copying_texts
from .induction.run import InductionRecipe as InductionRecipe, InductionRun as InductionRun

__version__: str
