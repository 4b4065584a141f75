"""An identity as a small bank of keys and values, and the attention that reads it."""
