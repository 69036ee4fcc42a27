"""``python -m tb_visualscratchpad.exporter`` is ``visualscratchpad``."""

import sys

from tb_visualscratchpad.exporter.cli import main

if __name__ == "__main__":
    sys.exit(main())
