"""The measurements behind docs/benchmarks.md; `make bench` repeats them."""
