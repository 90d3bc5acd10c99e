"""`python -m quantization` is the command `quantization`."""

import sys

from .commands.main import main

if __name__ == "__main__":
    sys.exit(main())
