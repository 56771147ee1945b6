"""The recipe: from a corpus to a trained student."""
