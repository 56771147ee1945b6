"""Annotation formats: files that are read into documents, and documents that are written as files.

Everything goes through one value, `documents.Document`: a text with its mentions, offsets in code points, types as they
are spelt in the file. Its interface is stable. Readers return it and writers take it; neither knows the other.
"""
