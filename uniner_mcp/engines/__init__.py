"""Engines, which answer questions, and their wrappers."""
