"""Pictures: one file a method; a small table in, Axes out. Alone know matplotlib and seaborn."""
