"""What runs inside the measured processes: one module a kind of peer."""
