"""HTTP endpoints, one file per resource: evidence from the store, views of it, an answer."""
