"""Opens each kind of PyTorch source, running nothing that came out of a file unless its user said so."""
