"""From a corpus to training conversations."""
