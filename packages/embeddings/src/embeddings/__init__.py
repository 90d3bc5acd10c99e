"""Ids and positions as vectors, and pictures of them."""
