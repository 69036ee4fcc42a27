"""How Emoji World's model and dictionary are made: pictures composed on the device, three stages of training, and what came of it."""
