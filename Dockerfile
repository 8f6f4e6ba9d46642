# docker build -t powermon . && docker run --rm -p 127.0.0.1:8050:8050 -v powermon:/data powermon
# Any base with Python 3.11 or newer and its venv will do: --build-arg BASE=debian:bookworm with python3-venv, say.
# docker keeps the health check; podman and buildah only with --format docker.
ARG BASE=python:3.11-slim
FROM ${BASE} AS build
# For a bench without internet: a folder of wheels, mounted, and PIP_OPTIONS="--no-index --find-links /wheels".
ARG PIP_OPTIONS=""
COPY requirements.lock /tmp/
RUN python3 -m venv /venv && /venv/bin/pip install --no-cache-dir --disable-pip-version-check ${PIP_OPTIONS} --require-hashes -r /tmp/requirements.lock

ARG BASE=python:3.11-slim
FROM ${BASE}
# dialout owns serial ports on Debian; the image runs as nobody in particular
RUN useradd --no-log-init --uid 10001 --gid dialout --no-create-home --shell /usr/sbin/nologin powermon && install -d -o powermon -g dialout /data
COPY --from=build /venv /venv
WORKDIR /powermon
COPY app.py pyproject.toml ./
COPY services services
COPY components components
COPY mock mock
USER powermon
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    POWERMON_HOST=0.0.0.0 POWERMON_DATABASE=/data/powermon.db POWERMON_LOG_FILE=off
VOLUME /data
EXPOSE 8050
STOPSIGNAL SIGTERM
# Degraded (a board unplugged, say) is no reason to restart: 200 is enough.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('POWERMON_HTTP_PORT', '8050') + '/api/health', timeout=4)"]
ENTRYPOINT ["python", "app.py"]
