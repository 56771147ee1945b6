"""Annotation formats: one reader per file format."""
