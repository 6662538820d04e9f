"""Which build to ship: LTO, optimization, TLS provider, by size and by cold start.

Builds each variant from this source (a quarter of an hour on two cores), then measures
all of them in turns, as first_use.py does. The table goes into docs/benchmarks.md.

    make bench-builds
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benches import first_use
from benches.measure import ROOT, in_turns
from benches.measure import cell as figure
from benches.report import cell
from benches.servers import CACHE as SHARED
from benches.servers import store
from tools.release import notices

CACHE = SHARED / "builds"
PARTS = ["Cargo.toml", "Cargo.lock", "README.md", "src", "macros", "python/lambdatotp"]
PARTS += ["tests/verifier.rs", "tests/simulation", "benches/hot.rs", "benches/stub.rs"]

SPEED = """
import time
import lambdatotp
verifier = lambdatotp.Verifier()
def refused():
    try:
        verifier.verify("nobody", "123456")
    except lambdatotp.UserNotFoundError:
        pass
refused()
began = time.process_time()
for _ in range(1000):
    refused()
print((time.process_time() - began) * 1000)
"""

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Variant:
    """One way to build: a profile, and what it changes in that and in the source."""

    name: str
    profile: str = "lambda"
    settings: tuple[str, ...] = ()
    edits: tuple[tuple[str, str, str], ...] = ()
    features: str = "python"


AWS_LC = (
    ("Cargo.toml", '"rustls-ring"', '"rustls-aws-lc"'),
    ("src/store/client/tls.rs", "CryptoMode::Ring", "CryptoMode::AwsLc"),
)
VARIANTS = [
    Variant("for Lambda: fat LTO, size before speed, ring"),
    Variant("our own code for speed", settings=("profile.lambda.opt-level=3",)),
    Variant("and what each request runs through, as for pip", "release"),
    Variant("the same with all features: what pip installs", "release", features=notices.FEATURES),
    Variant("everything for speed", "release", ('profile.release.package."*".opt-level=3',)),
    Variant("for Lambda, with thin LTO", settings=('profile.lambda.lto="thin"',)),
    Variant(
        "for Lambda, without LTO, 16 units",
        settings=('profile.lambda.lto="off"', "profile.lambda.codegen-units=16"),
    ),
    Variant("for Lambda, with aws-lc instead of ring", edits=AWS_LC),
]


def folder_of(variant: Variant) -> Path:
    """Say where a variant is built, and kept."""
    return CACHE / "".join(c if c.isalnum() else "-" for c in variant.name)


def copy(variant: Variant) -> None:
    """Copy the source, with the variant's edits: before anybody changes it meanwhile."""
    source = folder_of(variant) / "source"
    shutil.rmtree(source, ignore_errors=True)
    for part in PARTS:
        origin, target = ROOT / part, source / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, target)
        else:
            shutil.copy2(origin, target)
    for file, old, new in variant.edits:
        text = (source / file).read_text()
        if old not in text:
            raise SystemExit(f"{file} has no {old}")
        (source / file).write_text(text.replace(old, new))


def build(variant: Variant) -> tuple[Path, float]:
    """Build a variant, and return the module and the seconds it took."""
    folder = folder_of(variant)
    # Not `cargo build`: beside the rlib it would leave link-time optimization out, silently.
    command = ["cargo", "rustc", "--quiet", "--profile", variant.profile, "--lib"]
    command += ["--crate-type", "cdylib", "--features", variant.features]
    for setting in variant.settings:
        command += ["--config", setting]
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(folder / "target"),
        "PYO3_BUILD_EXTENSION_MODULE": "1",
    }
    began = time.perf_counter()
    subprocess.run(command, cwd=folder / "source", env=environment, check=True)
    return folder / "target" / variant.profile / "liblambdatotp.so", time.perf_counter() - began


def package(variant: Variant, module: Path, target: Path) -> tuple[Path, float]:
    """Put the module beside its Python half; return the folder, and its size zipped."""
    unwanted = shutil.ignore_patterns("*.so", "__pycache__", "cli")
    python = folder_of(variant) / "source" / "python" / "lambdatotp"
    shutil.copytree(python, target / "lambdatotp", ignore=unwanted)
    shutil.copy(module, target / "lambdatotp" / "_lambdatotp.abi3.so")
    archive = target.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.write(module, "module")
    subprocess.run([sys.executable, "-m", "compileall", "-q", target], check=True)
    return target, archive.stat().st_size / 1e6


def main() -> None:
    """Build, measure in turns, print."""
    parser = argparse.ArgumentParser(description="Size and cold start of differing builds.")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch, store() as at:
        work = Path(scratch)
        for variant in VARIANTS:
            copy(variant)
        built = {}
        for number, variant in enumerate(VARIANTS):
            module, seconds = build(variant)
            folder, zipped = package(variant, module, work / str(number))
            print(f"built {variant.name} in {seconds:.0f} s", file=sys.stderr, flush=True)
            built[variant.name] = (module.stat().st_size / 1e6, zipped, folder)

        def speed(folder: Path) -> Callable[[], float]:
            def run() -> float:
                variables = {**at.plain, "PYTHONPATH": str(folder)}
                command = [sys.executable, "-S", "-c", SPEED]
                done = subprocess.run(command, env=variables, capture_output=True, check=True)
                return float(done.stdout)

            return run

        folders = {name: folder for name, (_, _, folder) in built.items()}
        starts = {
            name: first_use.start(at, "lambdatotp", folder, at.tls)
            for name, folder in folders.items()
        }
        taken = in_turns(starts, rounds)
        cpu = in_turns({name: speed(folder) for name, folder in folders.items()}, rounds // 3 + 1)
    print("| build | .so, MB | zipped, MB | start to code, ms | peak, MiB | CPU, ms / 1,000 |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, (size, zipped, _) in built.items():
        _, _, code, _, peak = (list(column) for column in zip(*taken[name], strict=True))
        cells = [size, zipped, figure(code), figure(peak), figure(cpu[name])]
        print(f"| {name} | " + " | ".join(cell(value) for value in cells) + " |")


if __name__ == "__main__":
    main()
