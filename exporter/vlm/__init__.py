"""Vision-language models: what they are fed, where their features can be read, and what their image tokens stand for."""

from tb_visualscratchpad.exporter.vlm.loading import load_vlm
from tb_visualscratchpad.exporter.vlm.model import PreparedPicture, PreparedPrompt, Vlm

__all__ = ["PreparedPicture", "PreparedPrompt", "Vlm", "load_vlm"]
