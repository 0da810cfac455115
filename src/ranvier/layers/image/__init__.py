"""Layers that prepare images: geometry, colour, and mixing."""
