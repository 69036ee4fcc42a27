"""The worker: one process that holds one model and one SAE, takes jobs from the tab, and logs what comes of them."""
