"""Jobs, and what operators do with them, over HTTP."""
