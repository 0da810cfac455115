"""Floor 4: files. A file is data and never code, and a save never harms the file that it replaces."""
