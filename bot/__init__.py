"""The front end: the `synid` command line. Imports without torch."""
