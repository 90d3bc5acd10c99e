"""Blocks and stacks: encoder, decoder, both."""
