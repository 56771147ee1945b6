"""Generative models, asked one question per entity type in UniNER's conversation."""
