"""`python -m quantization` is the command `quantization`."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
