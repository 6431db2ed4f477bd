"""Run a script that may reach this machine only: python loopback_only.py FOLDER/app.py

Whatever else is asked for is refused, and a line that starts with LEFT names it.
"""

import ipaddress
import runpy
import sys
from pathlib import Path


def is_local(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback or str(host) in ("0.0.0.0", "::")
    except ValueError:
        return False


def watch(event: str, arguments: tuple) -> None:  # type: ignore[type-arg]
    host: object
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not is_local(host):
        print(f"LEFT for {host!r}", flush=True)
        raise OSError(f"{host!r} is not this machine")


if __name__ == "__main__":
    script = Path(sys.argv[1])
    sys.addaudithook(watch)
    sys.path[0] = str(script.parent)
    runpy.run_path(str(script), run_name="__main__")
