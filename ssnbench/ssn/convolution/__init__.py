"""The convolutions of a trained network on CPUs: float32, Winograd, one pass for each resolution."""
