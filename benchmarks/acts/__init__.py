"""What a benchmark has done inside the environment of a ground, each as a process: `python -m benchmarks.acts.NAME`."""
