"""What people do with the bot: a folder each. Cogs parse, submit and present; they see the service alone."""
