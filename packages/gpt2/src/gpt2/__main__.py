"""`python -m gpt2 train …`"""

from .command import main

main()
