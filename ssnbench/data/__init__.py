"""Data sets on disk: what is there, whether it is whole, and how to get it."""
