"""Superpixel Sampling Networks: differentiable SLIC and what is built on it.

Usable on its own, inside any PyTorch network; it knows nothing of benchmarks.
"""
