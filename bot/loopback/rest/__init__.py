"""The REST routes of a loopback Discord: a noun a module, a function a route."""
