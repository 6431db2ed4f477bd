"""The Java generators of the three styles: built when they are not, and run for one set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TOOLS = REPOSITORY / "full-pipeline" / "tools" / "java_captcha"
FONTS = TOOLS / "fonts-train.txt"
SIZES = "160x60:40,180x64:20,200x64:15,256x64:10,120x40:10,96x32:5"
EASY_CONFIG = TOOLS / "EasyCaptcha" / "config.json"  # kinds, sizes and fonts of that style

_JAR = "CalculateCaptcha-1.1.jar"
# Style -> folder, runner, the libraries in that folder.
GENERATORS = {
    "easy": ("EasyCaptcha", "EasyCaptchaRunner.java", "lib/*"),
    "ctext": ("CalculateCaptch", "CalcAllStylesRunner.java", _JAR),
    "ruoyi": ("CalculateCaptch", "RuoyiJarNormalizeSmart.java", _JAR),
}


def build_tools() -> None:
    """Fetch the libraries and build the generators, unless that was done."""
    built = (TOOLS / "EasyCaptcha" / "lib", TOOLS / "CalculateCaptch" / _JAR)
    if not shutil.which("java"):
        sys.exit("error: java is not installed; JDK 17 or newer draws the pictures")
    if not all(path.exists() for path in built):
        # The full path: on Windows Maven is a script, which only its own name with suffix starts.
        maven, goal = shutil.which("mvn"), ["-q", "package", "-DskipTests"]
        if maven is None:
            wrapper = r".\mvnw.cmd" if os.name == "nt" else "./mvnw"
            todo = f"install Maven, or run its wrapper in {TOOLS}: {wrapper} {' '.join(goal)}"
            sys.exit(f"error: the generators are not built yet, and there is no mvn; {todo}")
        run([maven, "-B", *goal], TOOLS)
    elif any(is_newer(source, built[1]) for source in (TOOLS / "src" / "main").rglob("*.java")):
        # Not built anew unasked: a set that was half drawn goes on with what drew it.
        print("note: the generators are older than their sources; make data-tools builds them")


def is_newer(file: Path, other: Path) -> bool:
    return file.stat().st_mtime > other.stat().st_mtime


def draw(
    style: str,
    raw: Path,
    name: str,
    count: int,
    seed: int,
    threads: int,
    *,
    config: Path = EASY_CONFIG,
    fonts: Path = FONTS,
    sizes: str = SIZES,
    options: Sequence[str] = (),
) -> None:
    """Draw ``raw/name``. EasyCaptcha's fonts and sizes are those of its ``config``."""
    wanted = ["fromjson", str(config)] if style == "easy" else ["smart"]
    if style != "easy":
        options = ["--sizes", sizes, "--fonts-file", str(fonts), *options]
    options = [*options, "--out-root", str(raw), "--seed", str(seed), "--threads", str(threads)]
    run_generator(style, [*wanted, name, str(count), *options])


def run_generator(style: str, arguments: Sequence[str]) -> None:
    """Run a style's runner with these arguments; one that fails ends this program too."""
    folder, runner, libraries = GENERATORS[style]
    class_path = os.pathsep.join((".", libraries))
    java = ["java", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-cp", class_path]
    # Java runs a source file as it is, so there is nothing to compile.
    run([*java, runner, *arguments], TOOLS / folder)


def run(command: list[str], folder: Path) -> None:
    print("+", *command, flush=True)
    done = subprocess.run(command, cwd=folder, check=False)
    if done.returncode:
        sys.exit(done.returncode)
