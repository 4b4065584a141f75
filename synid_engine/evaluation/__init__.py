"""Measures that the engine never trains on: suites of one character, benches of all of it, contact sheets."""
