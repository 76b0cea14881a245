"""What makes artifacts: sources, conversion passes, one converter per framework and format."""
