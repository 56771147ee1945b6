"""The one road from a request to an extraction."""
