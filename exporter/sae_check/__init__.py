"""Whether an SAE is read rightly, told from the features of the user's own images."""
