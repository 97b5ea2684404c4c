"""The convolutions on CPUs: of a trained network, row by row; in training, map by map."""
