"""Acts: programs that a benchmark runs in the environment of a ground, each as `python -m benchmarks.acts.NAME`."""
