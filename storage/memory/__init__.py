"""Every store without a disk: for tests, and for whatever else may forget."""
