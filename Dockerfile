# The libraries are installed apart from the program, so that a change of the program does not install them again.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/heliograph
COPY requirements.lock ./
RUN /opt/heliograph/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway/ gateway/
COPY carriers/ carriers/
COPY keywords/ keywords/
COPY compliance/ compliance/
RUN /opt/heliograph/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.11-slim
RUN useradd --system --user-group --uid 10001 --home-dir /data --shell /usr/sbin/nologin heliograph \
    && install -d -o heliograph -g heliograph -m 0700 /data
COPY --from=build /opt/heliograph /opt/heliograph
# 0.0.0.0 is inside the container: what reaches it is decided by the ports that are published.
ENV PATH=/opt/heliograph/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HELIOGRAPH_DATA_DIR=/data \
    HELIOGRAPH_HOST=0.0.0.0 \
    HELIOGRAPH_LOG_FORMAT=json
USER heliograph
VOLUME /data
EXPOSE 8080
# Alive, not ready: a database that is down for a while is no reason to restart. /readyz tells a load balancer more.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('HELIOGRAPH_PORT', '8080')), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["heliograph"]
CMD ["serve"]
