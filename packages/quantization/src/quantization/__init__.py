"""The same model in a quarter of the bytes, with what it costs measured."""
