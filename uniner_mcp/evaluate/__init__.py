"""The yardstick: annotated sets and the paper's score."""
