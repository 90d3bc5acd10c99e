"""What goes on inside a GPT-2: named places, attributions, lenses, ablations, features, and a page that shows them."""

# In reading order.
# isort: skip_file

__version__: str
