"""A small convolutional network that learns to read digits."""

from .digit_net import DigitNet as DigitNet
from .files.model_folder import Reader as Reader, load as load, save as save
from .handwriting import Framing as Framing, read_drawing as read_drawing
from .image_data import ImageData as ImageData, load_images as load_images
from .judging import Judgement as Judgement, judge as judge, wilson_interval as wilson_interval
from .prediction import Prediction as Prediction, predict as predict
from .settings import TrainSettings as TrainSettings
from .training import Run as Run, run as run

__version__: str
