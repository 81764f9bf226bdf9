"""Methods: tables in, results out. A package an analysis; none knows another, a run, a file or a picture."""
