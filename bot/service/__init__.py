"""The only caller of storage and of the coordinator for everything that speaks to Discord."""
