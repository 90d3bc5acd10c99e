"""GPT-2: the model, its tokenizer, its files, its training."""

from . import contract as contract
from .commands.train import train_command as train_command
from .config import PUBLISHED as PUBLISHED, GPT2Config as GPT2Config
from .contract.verification import verify as verify
from .files.fingerprint import fingerprint as fingerprint
from .files.folder import empty_model as empty_model, save as save
from .files.loading import load as load
from .files.weights import checksum as checksum
from .head_loss import head_cross_entropy as head_cross_entropy
from .inside.longer_context import extend_context as extend_context
from .inside.states import Inside as Inside, look_inside as look_inside
from .machine.bits import bit_conditions as bit_conditions, compare_bit_conditions as compare_bit_conditions
from .machine.fused_step import whole_step as whole_step
from .machine.precision import choose_precision as choose_precision
from .model import GPT2 as GPT2, initialise as initialise
from .recipes import RECIPES as RECIPES, Recipe as Recipe, RecipeName as RecipeName, recipe as recipe
from .tokenizer.tokenizer import Tokenizer as Tokenizer
from .training.curriculum import Curriculum as Curriculum, TextCurriculum as TextCurriculum
from .training.recipe_file import chosen_recipe as chosen_recipe
from .training.resolved import resolved as resolved
from .training.run import Run as Run
from .training.settings import TrainSettings as TrainSettings
from .training.text_run import TextRun as TextRun, run as run
from .training.trained import ModelFolder as ModelFolder, Trained as Trained

__version__: str
