"""What a tensor is, and how gradients come to be."""
