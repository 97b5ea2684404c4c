"""Differentiable SLIC as kernels: the reference in PyTorch, numba on the CPU, Triton on GPUs."""
