"""From files on disk to batches, in an order that can be resumed."""
