"""The teacher: a large chat model that a fallback policy may ask."""
