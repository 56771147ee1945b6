"""The pipeline from a request to an extraction."""
