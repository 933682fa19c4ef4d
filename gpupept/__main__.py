"""``python -m gpupept``: the same as the command ``gpupept``."""

from __future__ import annotations

import sys

from gpupept.cli import main

if __name__ == "__main__":
    sys.exit(main())
