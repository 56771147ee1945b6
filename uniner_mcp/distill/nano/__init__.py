"""Training the embedded student."""
