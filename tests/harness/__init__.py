"""What measuring costs: benchmarks of the harness itself, paired in one run."""
