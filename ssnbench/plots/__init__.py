"""Figures from what `ssnbench.analysis` computed; matplotlib."""
