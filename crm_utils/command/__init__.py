"""The command line: what a person or a scheduler types."""
