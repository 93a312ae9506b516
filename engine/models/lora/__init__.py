"""What an expert is, and the files that it is kept in."""
