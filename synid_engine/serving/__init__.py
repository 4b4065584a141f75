"""One durable queue, one engine. Messages, cost and fairness are plain data; only the batcher needs torch."""
