"""The results of runs: one SQLite file a folder; merging and comparing them."""
