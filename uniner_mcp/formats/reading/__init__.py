"""One reader per annotation format or family of formats; all of them return documents."""
