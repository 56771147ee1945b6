"""The embedded student: a bi-encoder that scores words against types, int8 on any CPU."""
