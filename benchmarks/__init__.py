"""Benchmarks: ratios to a peer or to a floor measured in the same run, never a verdict of their own."""
