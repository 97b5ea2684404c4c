"""Blocks of the methods, in numba: grids, clustering, components, merging, paths, heaps, colour."""
