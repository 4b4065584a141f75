"""Serving: one queue of jobs, one engine process, one step at a time."""
