"""Evidence to messages and back, one module per kind; ``envelope`` joins them."""
