"""`python -m embeddings plot …`"""

import sys

from .commands.main import main

sys.exit(main())
