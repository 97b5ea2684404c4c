"""Benchmark and evaluation suite for superpixel algorithms."""
