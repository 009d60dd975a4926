"""Benchmarks: figures and ratios against peers run side by side; no limit here fails anything."""
