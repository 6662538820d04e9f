"""Keys that seal secrets, new in each run."""

from __future__ import annotations

import base64
import os

K1, K2 = (f"{name}:{base64.b64encode(os.urandom(32)).decode()}" for name in ("k1", "k2"))
