# The steps are those of `make demo`: `make install`, then `python -m bot demo`. compose.yaml serves the bot.
# On an NVIDIA GPU, where torch brings its own CUDA libraries, a plain base will do; to have NVIDIA's instead:
#   docker build --build-arg TARGET=install-gpu --build-arg TORCH_INDEX= \
#     --build-arg BASE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04 .
ARG BASE=debian:bookworm-slim
ARG TARGET=install

FROM ${BASE} AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates make python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG TARGET
RUN make "$TARGET" TORCH_INDEX="$TORCH_INDEX"

FROM ${BASE}
ARG TARGET
# On a GPU the engine compiles its step when it starts, by a C compiler.
# hadolint ignore=DL3008
RUN apt-get update \
    && if [ "$TARGET" = install-gpu ]; then set -- gcc libc6-dev python3-dev; fi \
    && apt-get install --yes --no-install-recommends ca-certificates python3 "$@" \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 synid \
    && install --directory --owner=synid --group=synid /data /models
COPY --from=build /app /app
WORKDIR /app
USER 10001
ENV HF_HUB_OFFLINE=1 \
    PYTHONUNBUFFERED=1 \
    SYNID_DATA=/data \
    SYNID_MODEL_STORE=/models \
    TORCHINDUCTOR_CACHE_DIR=/data/compiled
VOLUME ["/data", "/models"]
HEALTHCHECK --interval=60s --timeout=20s --start-period=300s \
    CMD [".venv/bin/python", "-m", "bot", "health"]
ENTRYPOINT [".venv/bin/python", "-m", "bot"]
CMD ["demo", "--out", "/data/out"]
