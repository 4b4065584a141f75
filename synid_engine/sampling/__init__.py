"""From rows to pictures: each row owns its prompt, seed, noise schedule, guidance and identity."""
