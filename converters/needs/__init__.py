"""What an artifact's file needs of the runtime that loads it, read from the shipped file."""
