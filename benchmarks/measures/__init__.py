"""One module a measure: `TITLE`, `CAVEATS`, and `measure(run, page)`."""
