"""Side by side with the peers: what `make bench` runs. README.md here says how."""

import sys
from pathlib import Path

# What the tests use is used here, too: the tools, and the programs beside them.
_ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tools")]
