"""A model folder as an API: OpenAI's completions, where the same request gives the same text under any load."""

# In reading order.
# isort: skip_file

__version__: str
