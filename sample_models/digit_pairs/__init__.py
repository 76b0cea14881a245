"""A PyTorch model with two inputs and a dict output."""
