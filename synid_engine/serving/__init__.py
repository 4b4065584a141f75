"""One durable queue, one engine: messages, cost and fairness. Plain data and arithmetic; imports no torch."""
