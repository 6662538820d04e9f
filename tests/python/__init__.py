"""The tests of all that Python sees: one folder a subject."""
