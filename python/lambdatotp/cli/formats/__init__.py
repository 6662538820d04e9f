"""Users in other programs' files: how they are read, and written."""
