"""Annotation formats: one writer per format. What a format cannot hold is counted, never dropped without a word."""
