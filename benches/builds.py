"""Which build to ship: LTO, optimization, TLS provider, by size and by cold start.

Builds each variant from this source (a quarter of an hour on two cores), then measures
all of them in turns, as cold_start.py does. The table goes into docs/benchmarks.md.

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
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cold_start

ROOT = Path(__file__).parents[1]
CACHE = cold_start.dynamodb_local.CACHE / "builds"
PARTS = ["Cargo.toml", "Cargo.lock", "README.md", "src", "tests/verifier.rs", "python/lambdatotp"]

SPEED = """
import os, sys, time
import lambdatotp
table = os.environ["LAMBDATOTP_TABLE_NAME"]
verifier = lambdatotp.Verifier(endpoint_url=os.environ["PLAIN"], table_name=table)
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


@dataclass
class Variant:
    """One way to build: what it changes in the profile and the source."""

    name: str
    profile: dict[str, str]
    edits: tuple[tuple[str, str, str], ...] = ()


EVERYTHING = 'profile.release.package."*".opt-level'
AWS_LC = (
    ("Cargo.toml", '"rustls-ring"', '"rustls-aws-lc"'),
    ("src/store/tls.rs", "CryptoMode::Ring", "CryptoMode::AwsLc"),
)
VARIANTS = [
    Variant("as shipped: fat LTO, dependencies s, ring", {}),
    Variant("dependencies 3", {EVERYTHING: "3"}),
    Variant("thin LTO", {"profile.release.lto": '"thin"'}),
    Variant(
        "no LTO, 16 units",
        {"profile.release.lto": '"off"', "profile.release.codegen-units": "16"},
    ),
    Variant("aws-lc instead of ring", {}, edits=AWS_LC),
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
    command = ["cargo", "rustc", "--quiet", "--release", "--lib", "--crate-type", "cdylib"]
    command += ["--features", "python"]
    for key, value in variant.profile.items():
        command += ["--config", f"{key}={value}"]
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(folder / "target"),
        "PYO3_BUILD_EXTENSION_MODULE": "1",
    }
    began = time.perf_counter()
    subprocess.run(command, cwd=folder / "source", env=environment, check=True)
    return folder / "target" / "release" / "liblambdatotp.so", time.perf_counter() - began


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
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for variant in VARIANTS:
            copy(variant)
        built = []
        for number, variant in enumerate(VARIANTS):
            module, seconds = build(variant)
            folder, zipped = package(variant, module, work / str(number))
            print(f"built {variant.name} in {seconds:.0f} s", file=sys.stderr, flush=True)
            built.append((variant, module.stat().st_size / 1e6, zipped, folder))
        bench = cold_start.Bench(work, stack)
        rows = [bench.process(v.name, cold_start.OURS, folder) for v, _, _, folder in built]
        cpu: list[list[float]] = [[] for _ in built]
        for number in range(rounds + 1):
            for row in rows if number % 2 else rows[::-1]:
                taken = row.run()
                if number:
                    row.taken.append(taken)
            if number % 3 == 0:
                for spent, (_, _, _, folder) in zip(cpu, built, strict=True):
                    variables = {**bench.environment, "PYTHONPATH": str(folder)}
                    variables |= {"PLAIN": bench.client.meta.endpoint_url}
                    command = [sys.executable, "-S", "-c", SPEED]
                    done = subprocess.run(command, env=variables, capture_output=True, check=True)
                    spent.append(float(done.stdout))
        print("| build | .so, MB | zipped, MB | start to code, ms | peak, MiB | CPU, ms / 1,000 |")
        print("|---|---|---|---|---|---|")
        for (variant, size, zipped, _), row, spent in zip(built, rows, cpu, strict=True):
            middle, low, high = row.column(0)
            print(
                f"| {variant.name} | {size:.2f} | {zipped:.2f} "
                f"| {middle:.1f} ({low:.1f} to {high:.1f}) | {row.column(1)[0]:.1f} "
                f"| {median(spent):.0f} |"
            )


if __name__ == "__main__":
    main()
