"""`python -m gpt2_trainer …`"""

from .commands.main import main

main()
