"""Training a causal student on conversations."""
