# Reads pictures over HTTP: onnxruntime, no torch. See docs/serving.md.
#   docker build -t captcha-ocr .
#   docker run --rm --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 captcha-ocr

FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY full-pipeline/captcha_ocr full-pipeline/captcha_ocr
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir ".[serve]"

FROM python:3.12-slim
COPY --from=build /venv /venv
WORKDIR /app
COPY demo/server_fastapi.py demo/server_flask.py ./
# PORT is where the health check asks; the command at the end says where the server listens.
ENV PATH=/venv/bin:$PATH \
    PORT=8000 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CAPTCHA_OCR_LOG=json
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8000 8001
# Without the proxies that Docker may put into the environment: they do not know this address.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=2)"]
CMD ["uvicorn", "server_fastapi:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--timeout-graceful-shutdown", "20"]
