"""One module per format: what loads and runs it."""
