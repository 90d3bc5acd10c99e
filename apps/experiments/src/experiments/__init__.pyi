"""Which change really helps, in CPU seconds, with intervals: plans, sweeps, paired tables, scaling fits."""

# In reading order.
# isort: skip_file

from .facts import Run as Run
from .plans import Plan as Plan, parse_plan as parse_plan, read_plan as read_plan
from .results import Result as Result, read_results as read_results
from .sweeping import sweep as sweep
from .comparing import Paired as Paired, compare as compare
from .studies.searching import Candidate as Candidate, search as search
from .studies.law import Fit as Fit, fit as fit
from .studies.averaging import average as average

__version__: str
