"""Train GPT-2, watch it learn, evaluate it, sample from it."""
