"""The convolutions of a trained network on CPUs, one pass over the rows for each resolution."""
