# The uptake command in a container that holds nothing else: built in one system, installed from its package in another.
#
#   docker build -t uptake .
#   docker run --rm -v "$PWD:/work" uptake train --data pairs --out run
#
# For an NVIDIA GPU both stages start from images that have CUDA and cuDNN, 12.6 and 9.8 or newer, and the container is given
# the card with --gpus all:
#
#   docker build -t uptake-gpu --build-arg BUILD=nvidia/cuda:TAG-cudnn-devel-ubuntu24.04 \
#                              --build-arg RUN=nvidia/cuda:TAG-cudnn-runtime-ubuntu24.04 .
ARG BUILD=debian:13-slim
ARG RUN=debian:13-slim

FROM ${BUILD} AS build
COPY scripts/setup /uptake/scripts/setup
RUN /uptake/scripts/setup package
COPY . /uptake
RUN cmake -S /uptake -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DUPTAKE_TESTS=OFF -DUPTAKE_BENCH=OFF
RUN cmake --build /build
RUN cd /build && cpack

FROM ${RUN}
COPY --from=build /build/uptake_*.deb /tmp/
RUN apt-get -q update && apt-get -q -y install --no-install-recommends /tmp/uptake_*.deb && \
    rm -rf /tmp/uptake_*.deb /var/lib/apt/lists/*
WORKDIR /work
ENTRYPOINT ["uptake"]
CMD ["--help"]
