"""Evaluation: annotated sets and the paper's score."""
