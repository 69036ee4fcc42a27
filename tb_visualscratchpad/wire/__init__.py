"""The one schema: what evidence is, and how it is laid out in event files and sidecars."""
