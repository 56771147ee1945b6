"""Engines around an engine: what they add holds for every engine."""
