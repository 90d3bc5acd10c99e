"""Any GPT-2 learns a task: what may change, what must not, and files that other tools open."""

# In reading order.
# isort: skip_file

from . import contract as contract
from .tasks.kinds import is_solved as is_solved, solution as solution
from .tasks.records import TaskNames as TaskNames, task_records as task_records
from .adapted import AdaptedLinear as AdaptedLinear
from .adapters import (
    Adapter as Adapter,
    adapter_state as adapter_state,
    merged as merged,
    with_adapter as with_adapter,
    without_adapter as without_adapter,
)
from .templates import Template as Template
from .examples import Example as Example, Examples as Examples, encoded as encoded, read_examples as read_examples
from .packing import fit as fit
from .curriculum import ExampleCurriculum as ExampleCurriculum, packed_loss as packed_loss
from .judging import Judged as Judged, judge as judge
from .running.settings import TuneSettings as TuneSettings
from .classifying.settings import ClassifySettings as ClassifySettings
from .tuning import TuneRun as TuneRun, tune as tune
from .classifying.classifier import Classifier as Classifier, Labeled as Labeled, label_texts as label_texts
from .classifying.labels import LabeledText as LabeledText, read_labeled as read_labeled
from .classifying.judging import JudgedLabels as JudgedLabels, judge_labels as judge_labels
from .classifying.model_folder import load_classifier as load_classifier, save_classifier as save_classifier
from .classifying.adapter_folder import (
    load_classifier_adapter as load_classifier_adapter,
    save_classifier_adapter as save_classifier_adapter,
)
from .classifying.run import ClassifyRun as ClassifyRun, classify as classify
from .preferring.settings import PreferSettings as PreferSettings
from .preferring.objectives import dpo_loss as dpo_loss, ipo_loss as ipo_loss, simpo_loss as simpo_loss
from .preferring.pairs import Pair as Pair, read_pairs as read_pairs
from .preferring.likelihoods import JudgedPairs as JudgedPairs, judge_pairs as judge_pairs
from .preferring.run import PreferRun as PreferRun, prefer as prefer
from .losses.policy import (
    advantages as advantages,
    clipped_objective as clipped_objective,
    divergence as divergence,
)
from .reinforcing.settings import ReinforceSettings as ReinforceSettings
from .reinforcing.run import ReinforceRun as ReinforceRun, reinforce as reinforce
from .losses.distillation import Mix as Mix, distillation_losses as distillation_losses
from .distilling.settings import DistillSettings as DistillSettings
from .distilling.run import DistillRun as DistillRun, distill as distill
from .files.chat import jinja as jinja, read_template as read_template
from .files.records import read_records as read_records
from .files.peft import load_adapter as load_adapter, save_adapter as save_adapter

__version__: str
