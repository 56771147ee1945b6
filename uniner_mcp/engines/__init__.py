"""Engines: anything that answers questions, and what wraps them."""
