"""The coordinator: one durable queue between the people who ask and the one engine process."""
