"""`python -m embeddings plot …`"""

import sys

from .command import main

sys.exit(main())
