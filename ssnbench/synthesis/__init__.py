"""Compose pictures of which everything is known: who covers what, and how it moves.

A scene is a stack of layers, from back to front. A layer is a region cut out of a painted
surface, split into parts along inner curves, and carried to the second frame by an affine motion
of its own. Because the regions are formulas and not masks, the truth is exact at every point,
also between the pixels.
"""
