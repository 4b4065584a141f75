"""What is kept: the ledger of jobs, characters, pictures, settings. Knows neither Discord nor tensors."""
