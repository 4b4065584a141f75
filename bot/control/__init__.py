"""The coordinator's control socket: the same calls from another process of this machine."""
