"""GPT-2: the model, its tokenizer, its files, its training."""
