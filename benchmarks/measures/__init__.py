"""The measures, one module each: `TITLE`, `CAVEATS`, and `measure(run, page)`."""
