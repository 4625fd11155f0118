"""The repairs of `make repair`."""
