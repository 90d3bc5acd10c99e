"""From logits to text, and from text to scores."""
