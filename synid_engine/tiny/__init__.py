"""The embedded model family: its drawn world, captions, training recipes and shipped weights."""
