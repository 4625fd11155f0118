"""What `make repair` can put right."""
