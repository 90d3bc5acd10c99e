"""`python -m experiments`"""

from .commands.main import main

if __name__ == "__main__":
    main()
