"""Generative models, asked one question per entity type, by default in UniNER's conversation."""
