"""Three ways in which the bundled model fails, found by search, mended by the method, and counted against controls."""
