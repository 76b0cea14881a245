"""What runs on a target itself."""
