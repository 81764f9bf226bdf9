"""Sentences: a result becomes words and tables of text. Nothing else states a number in words."""
