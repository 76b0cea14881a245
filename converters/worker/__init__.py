"""Worker processes: the only places where a framework is imported."""
