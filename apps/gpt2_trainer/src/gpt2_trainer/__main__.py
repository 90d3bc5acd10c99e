"""`python -m gpt2_trainer …`"""

from .command import main

main()
