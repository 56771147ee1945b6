"""From files to text with pages and lines."""
