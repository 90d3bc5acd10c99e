"""The visible training loop and what every run needs around it."""
