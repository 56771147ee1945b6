"""Stores of answers that were given before."""
