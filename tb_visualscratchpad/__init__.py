"""VisualScratchpad: which visual concepts a vision-language model saw, and which of them each word of its answer used.

The TensorBoard plugin (this package without ``exporter``) needs neither torch nor transformers.
"""

__version__ = "0.1.0"
