# The steps are those of `make demo`: `make install`, then `python -m bot demo`.
FROM python:3.11-slim-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN make install TORCH_INDEX="$TORCH_INDEX"

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 synid \
    && install --directory --owner=synid --group=synid /data
COPY --from=build /app /app
WORKDIR /app
USER 10001
ENV HF_HUB_OFFLINE=1 \
    PYTHONUNBUFFERED=1 \
    SYNID_DATA=/data
VOLUME /data
ENTRYPOINT [".venv/bin/python", "-m", "bot"]
CMD ["demo", "--out", "/data/out"]
