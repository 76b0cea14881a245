"""A PyTorch CNN for digits."""
