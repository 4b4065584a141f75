"""What people would do otherwise to draw somebody again: each on the same weights, pictures and words."""
