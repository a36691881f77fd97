# The local server in a container: docker build --tag flamehouse . (see docs/install.md)
FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY requirements.local.txt ./
RUN python -m venv /opt/flamehouse && \
    /opt/flamehouse/bin/pip install --no-cache-dir --require-hashes --requirement requirements.local.txt
COPY pyproject.toml README.md LICENSE ./
COPY layers/flamehouse/src layers/flamehouse/src
COPY functions functions
RUN /opt/flamehouse/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim-trixie
COPY --from=build /opt/flamehouse /opt/flamehouse
RUN useradd --system --uid 10001 --no-create-home flamehouse && \
    install --directory --owner flamehouse /data
ENV PATH="/opt/flamehouse/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=4040 \
    DATA_DIR=/data
USER 10001
VOLUME /data
EXPOSE 4040
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/ready\", timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["flamehouse"]
CMD ["serve"]
