"""Emoji World: pictures composed with known truth, a small model and dictionary that know them, and a log that shows both."""
