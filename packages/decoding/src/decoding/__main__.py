"""`python -m decoding` is the command `decoding`."""

import sys

from .command import main

if __name__ == "__main__":
    sys.exit(main())
