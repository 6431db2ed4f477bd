"""The OpenAPI document against the servers: schemathesis makes up requests from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from web_live import serve

# Not "valid data is accepted": the document cannot say which bytes are a picture.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uvicorn", "flask"])
def test_no_request_makes_a_server_error(kind: str, two_models: Path, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="pip install schemathesis")
    with serve(kind, tmp_path, weights=str(two_models), rate="0", log="off") as live:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{live.url}/openapi.json"),
                *("--checks", ",".join(CHECKS), "-n", "100", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        assert "Traceback" not in live.log.read_text(encoding="utf-8")
