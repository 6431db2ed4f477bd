"""Print the first free port from the given one on: ``python scripts/free_port.py 8001``."""

from __future__ import annotations

import argparse
import socket
import sys

TRIES = 20
LAST = 65535


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("port", type=int)
    first = parser.parse_args(argv).port
    if not 1 <= first <= LAST:
        parser.error(f"the port is {first}; choose 1 to {LAST}")
    end = min(first + TRIES, LAST + 1)
    for port in range(first, end):
        if is_free(port):
            if port != first:
                print(f"Port {first} is in use; taking {port} instead.", file=sys.stderr)
            print(port)
            return 0
    print(f"error: no free port from {first} to {end - 1}", file=sys.stderr)
    return 1


def is_free(port: int) -> bool:
    """Whether nobody answers and nobody else may bind there. A server may start right after."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
