"""A PyTorch attention encoder over the patches of a digit."""
