"""The FastAPI server as a Ray Serve application: replicas on the machines of a Ray cluster.

    pip install "ray[serve]" -e ".[serve]"
    serve run deploy.ray_serve:app           # from the repository's root; http://127.0.0.1:8000

Every replica loads the models when it starts and batches for itself. Settings come from the
environment, as for uvicorn: CAPTCHA_OCR_MAX_FILES=16 and so on.
"""

from __future__ import annotations

from captcha_ocr.web.fastapi_app import create_app
from fastapi import FastAPI
from ray import serve


def build() -> FastAPI:
    """Called in each replica: an app holds locks and threads, and cannot travel."""
    return create_app()


@serve.deployment(
    num_replicas=2,
    max_ongoing_requests=64,  # more wait in Ray's queue, and are not lost
    max_queued_requests=256,  # more than that get 503 at once
    health_check_period_s=10,
    graceful_shutdown_timeout_s=20,
    ray_actor_options={"num_cpus": 1},
)
@serve.ingress(build)
class CaptchaOcr:
    """A replica. The app does everything; Ray starts, watches and balances."""


app = CaptchaOcr.bind()
