"""`python -m edgeproof.cli` is the command `edgeproof`."""

from .main import main

if __name__ == "__main__":
    main()
