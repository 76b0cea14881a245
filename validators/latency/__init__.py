"""How fast artifacts are on this machine, and which of them that speaks for."""
