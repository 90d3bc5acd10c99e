"""A small convolutional network that learns to read digits."""
