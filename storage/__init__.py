"""Characters as files: profiles on disk and `.character` archives. Knows neither Discord nor tensors."""
