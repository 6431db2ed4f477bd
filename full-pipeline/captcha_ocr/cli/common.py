"""What all commands share: exit codes, errors as one line, and the console."""

from __future__ import annotations

import argparse
import errno
import functools
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Optional

from captcha_ocr.charset import CharsetError
from captcha_ocr.config import ConfigError, TrainingError
from captcha_ocr.labels import LabelError
from captcha_ocr.merging.config import DataError
from captcha_ocr.model_info import ModelError
from captcha_ocr.packages import DISTRIBUTION, missing_package
from captcha_ocr.tables import printable

OK = 0
FAILURE = 1  # it could not be done: a missing model, a full disk, a run that diverges
USAGE = 2  # the command line asks for something that cannot be; argparse uses the same number
BAD_DATA = 65  # pictures, labels or texts that cannot be used; EX_DATAERR of sysexits.h
INTERRUPTED = 130  # Ctrl-C; 128 + SIGINT, as shells count

# A file each that calls its command.
THIN_SCRIPTS = (
    *("train", "eval", "infer", "export_models", "merge_datasets"),
    *("server_fastapi", "server_flask"),
)

Arguments = Optional[Sequence[str]]


def command(main: Callable[[Arguments], int]) -> Callable[..., int]:
    """Wrap a command's ``main``: an expected error becomes one line on stderr (of a
    DataError, one a problem) and an exit code.

    Anything else is a defect of ours and keeps its traceback.
    """

    @functools.wraps(main)
    def run(argv: Arguments = None) -> int:
        prepare_console()
        try:
            done = main(argv)
            sys.stdout.flush()
            return done
        except KeyboardInterrupt:
            return complain("interrupted", INTERRUPTED)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "captcha_ocr":
                raise
            return complain(missing_package(error.name or str(error)))
        except DataError as error:
            for problem in error.problems:
                complain(problem)
            return BAD_DATA
        except (OSError, ValueError, TrainingError) as error:
            if _reader_has_gone(error):
                _give_up_stdout()
                return FAILURE
            code = exit_code(error)
            if code is None:
                raise
            complain(str(error), code)
            _give_up_stdout()
            return code

    return run


def _give_up_stdout() -> None:
    """What a full disk or a reader that has gone did not take Python would try to write once more,
    complain of, and end with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _reader_has_gone(error: Exception) -> bool:
    """As of ``| head``; Windows then calls the write an invalid argument, of no file."""
    if isinstance(error, BrokenPipeError):
        return True
    invalid = isinstance(error, OSError) and error.errno == errno.EINVAL
    return invalid and sys.platform == "win32" and error.filename is None


def exit_code(error: OSError | ValueError | TrainingError) -> int | None:
    """The exit code of an error that a user can cause; None for any other."""
    # Imported here: `doctor` must start where numpy does not.
    from captcha_ocr.constraints import ConstraintError
    from captcha_ocr.decoding import LogitsError
    from captcha_ocr.imaging import ImageError

    if isinstance(error, (ConfigError, ConstraintError)):
        return USAGE
    if isinstance(error, (CharsetError, LabelError, ImageError)):
        return BAD_DATA
    if isinstance(error, (ModelError, LogitsError, OSError, TrainingError)):
        return FAILURE
    return None


def complain(message: str, code: int = FAILURE) -> int:
    """Print one line on stderr and return ``code``. Names in it come from anywhere."""
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return code


def prepare_console() -> None:
    """Write UTF-8 wherever the output goes: labels are Chinese, and Windows pipes are not UTF-8.

    What cannot be encoded (a file name of odd bytes) is written as an escape, never an error.
    What has been closed (``>&-``, a program without a console on Windows) takes what comes.
    """
    # Pillow warns of a huge picture, which open_image refuses in words of its own.
    warnings.filterwarnings("ignore", r"Image size \(")
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def program(name: str) -> str:
    """What the user typed, for the usage line: ``infer.py`` or ``captcha-ocr infer``."""
    script = Path(sys.argv[0])
    is_thin = script.suffix == ".py" and script.stem in THIN_SCRIPTS
    return script.name if is_thin else f"{DISTRIBUTION} {name}"


def at_least(lowest: int) -> Callable[[str], int]:
    """An argparse type: whole numbers from ``lowest``."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= sys.maxsize:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {lowest} up")
        return int(text)

    return parse


def add_workers(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--workers", type=at_least(0), default=0, metavar="N", help="default: one a core"
    )


def refuse_folder(file: Path) -> None:
    """Raise IsADirectoryError where a folder has the name of a file that is to be written."""
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))


def refuse_read_only(folder: Path) -> None:
    """Raise PermissionError for a folder in which nothing can be written."""
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def make_room(file: Path | None) -> None:
    """Make the folder of a file that is written at the end: what cannot be written should not show
    only after minutes of work."""
    if file is None:
        return
    refuse_folder(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_file() or not file.exists():  # not beside /dev/null and the like, see whole_file
        refuse_read_only(file.parent)
