"""The playground: a chat client in the browser for a loopback Discord, where one person can be everybody.

`serve.playground` opens it, `scene.furnish` puts people and channels into it. What a user may see is decided
in `sight`, who may reach the page at all in `guard`. It knows nothing about the bot that runs there.
"""
