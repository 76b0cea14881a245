"""Small rewrites of an exported program, one a file, that the formats share."""
