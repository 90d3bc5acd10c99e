"""`python -m gpt2 train …`"""

from .commands.main import main

main()
