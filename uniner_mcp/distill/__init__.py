"""The recipe: from annotated passages to a student."""
