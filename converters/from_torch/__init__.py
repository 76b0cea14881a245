"""From PyTorch to every format."""
