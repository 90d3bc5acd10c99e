"""What goes on inside a GPT-2: named places, attributions, lenses, ablations, features, and a page that shows them."""

# In reading order.
# isort: skip_file

from .places import PLACES as PLACES, Place as Place, places_of as places_of
from .trace import editing as editing, head_writes as head_writes, tracing as tracing
from .page.write import write_page as write_page

__version__: str
