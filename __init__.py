"""One model, many artifacts, provably the same."""
