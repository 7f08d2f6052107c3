# The images, for linux/amd64 and linux/arm64: `sidecar` and `snapshot-controller` are one static binary each and the
# public certificate authorities; `driver` is the driver of deploy/example.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --target sidecar --tag csi-snapshotter:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 --target snapshot-controller --tag snapshot-controller:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 --target driver --tag csi-snapshotter-sandbox:0.1.0 .
#
# The sidecar runs as root where a manifest says nothing, as the reference's does: most drivers run as root, and their
# sockets let only root connect. For the others, with a tag of its own:
#
#   docker buildx build … --build-arg USER=65532:65532 --tag csi-snapshotter:0.1.0-nonroot .
#
# --build-arg FEATURES=otlp builds in what docs/tracing.md tells of.
# Without a Docker engine, `just image` makes the binary, and sandbox/tests/image runs it in an empty root.

# Compiled on the builder's own platform, for the one that is asked for.
FROM --platform=$BUILDPLATFORM docker.io/library/rust:1.95-bookworm AS toolchain
ARG BUILDARCH
ARG TARGETARCH
# Lists the dependencies inside the binary, for scanners: cargo audit bin, trivy, syft.
RUN cargo install --locked cargo-auditable@0.7.7
RUN case "$TARGETARCH" in \
      amd64) rust=x86_64 debian=x86-64 ;; \
      arm64) rust=aarch64 debian=aarch64 ;; \
      *) echo "there is no image for $TARGETARCH" >&2; exit 1 ;; \
    esac \
 && if [ "$TARGETARCH" != "$BUILDARCH" ]; then \
      apt-get update \
   && apt-get install --yes --no-install-recommends "gcc-$debian-linux-gnu" "libc6-dev-$TARGETARCH-cross" \
   && rm -rf /var/lib/apt/lists/*; \
    fi \
 && rustup target add "$rust-unknown-linux-gnu" \
 && echo "$rust-unknown-linux-gnu" > /triple \
 && printf '[build]\ntarget = "%s-unknown-linux-gnu"\n' "$rust" > "$CARGO_HOME/config.toml" \
 && printf '[target.%s-unknown-linux-gnu]\nlinker = "%s-linux-gnu-gcc"\n' "$rust" "$rust" >> "$CARGO_HOME/config.toml" \
 && printf 'rustflags = ["-C", "target-feature=+crt-static"]\n' >> "$CARGO_HOME/config.toml"
WORKDIR /src
COPY . .

FROM toolchain AS build-sidecar
ARG FEATURES=
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo auditable build --locked --profile image --package csi-snapshotter --features "$FEATURES" \
 && cp "target/$(cat /triple)/image/csi-snapshotter" /csi-snapshotter

FROM toolchain AS build-controller
ARG FEATURES=
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo auditable build --locked --profile image --package snapshot-controller --features "$FEATURES" \
 && cp "target/$(cat /triple)/image/snapshot-controller" /snapshot-controller

FROM toolchain AS build-driver
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo auditable build --locked --profile image --package sandbox \
 && cp "target/$(cat /triple)/image/sandbox" /sandbox

FROM scratch AS driver
ARG USER=65532:65532
COPY --from=build-driver /sandbox /sandbox
USER ${USER}
ENTRYPOINT ["/sandbox"]

# The reference's runs as an ordinary user as well: no socket has to be opened.
FROM scratch AS snapshot-controller
ARG USER=65532:65532
LABEL org.opencontainers.image.title="snapshot-controller" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-controller /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build-controller /snapshot-controller /snapshot-controller
USER ${USER}
ENTRYPOINT ["/snapshot-controller"]

# The last one is what a build makes that names no target.
FROM scratch AS sidecar
ARG USER=0:0
LABEL org.opencontainers.image.title="csi-snapshotter" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build-sidecar /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build-sidecar /csi-snapshotter /csi-snapshotter
# Root needs no capability here; manifests drop them all.
USER ${USER}
ENTRYPOINT ["/csi-snapshotter"]
