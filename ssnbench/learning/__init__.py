"""How a learned method is trained: configuration, steps, checkpoints, validation, logs."""
