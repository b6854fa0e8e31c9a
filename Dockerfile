# `edge-digits serve` in a container, for amd64 and arm64; docs/serve.md says how to run it.
#
#     docker build -t edge-digits .        # or: podman build, buildah build
ARG PYTHON=3.13-slim-bookworm

FROM docker.io/library/python:${PYTHON} AS build
WORKDIR /src
COPY . .
# The wheel for an OpenCV without windows, which needs no libraries of X11.
ARG SOURCE_DATE_EPOCH=1767225600
RUN python -m venv /venv \
 && python -m pip install --no-cache-dir "setuptools==83.*" \
 && python scripts/build.py --headless /dist \
 && /venv/bin/pip install --no-cache-dir "$(echo /dist/*.whl)[web]"

FROM docker.io/library/python:${PYTHON}
COPY --from=build /venv /venv
# What it writes, it writes here: corrections and the certificate of --https, where these are asked for.
RUN mkdir /data && chown 65534:65534 /data
VOLUME /data
ENV PYTHONDONTWRITEBYTECODE=1 HOME=/data XDG_DATA_HOME=/data
USER 65534:65534
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["/venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8765/healthz', timeout=4)"]
ENTRYPOINT ["/venv/bin/edge-digits", "serve", "--host", "0.0.0.0"]
CMD ["--token", "auto"]
