"""Parity with Keras on random shapes and arguments: tables of strategies, and one comparison for all rows."""
