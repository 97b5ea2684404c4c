"""Reading and writing of pictures and label maps; how a store packs the latter."""
