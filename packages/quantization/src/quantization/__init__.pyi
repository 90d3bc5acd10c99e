"""The same model in a quarter of the bytes, with what it costs measured."""

from .conversion import quantize as quantize
from .convolution import QuantizedConvolution as QuantizedConvolution
from .costs.divergence import Divergence as Divergence, divergences as divergences
from .costs.layer_costs import LayerCost as LayerCost, sensitivity as sensitivity
from .costs.mixed_precision import (
    Plan as Plan,
    precision_path as precision_path,
    within_bytes as within_bytes,
    within_loss as within_loss,
)
from .costs.pictures import plot_clipping as plot_clipping, plot_report as plot_report, plot_rounding as plot_rounding
from .costs.report import CostReport as CostReport, cost_report as cost_report
from .costs.small_cache import with_small_cache as with_small_cache
from .files.folder import load_weights as load_weights, save_weights as save_weights
from .files.gpt2 import load as load, save as save
from .layers import QuantizedEmbedding as QuantizedEmbedding, QuantizedLinear as QuantizedLinear
from .module_tree import bytes_of as bytes_of, left_in_float as left_in_float
from .reference import WholeNumbers as WholeNumbers, whole_numbers as whole_numbers
from .rounding.calibration import (
    Calibration as Calibration,
    calibrate as calibrate,
    calibrate_on_text as calibrate_on_text,
)
from .rounding.equalisation import equalise as equalise
from .schemes import Scheme as Scheme, scheme as scheme

__version__: str
