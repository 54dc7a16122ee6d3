"""What the cases are made with."""
