"""Training of the relations between types, and export of the encoder that they are read from."""
