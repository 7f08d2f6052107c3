# What CI runs, by hand: `just check`.

check: fmt lint demo test traces image-test

fmt:
    cargo fmt --check

lint:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --workspace --all-targets --features otlp -- -D warnings

test:
    cargo test --workspace

# What only a build with the feature has.
traces:
    cargo test --features otlp otlp

# Starts an API server, a driver and the sidecar, and walks a snapshot through its life.
demo:
    cargo run -p sandbox

bench:
    cargo run --release -p sandbox -- bench --contents 1000 --foreign 10000

# Every state of the simulated world with two faults instead of one. Much memory, and far longer than a test.
model:
    cargo test --release -p csi-snapshotter --lib two_faults -- --ignored --nocapture

# A hundred times the cases that a test run tries.
fuzz:
    PROPTEST_CASES=1000000 cargo test --release -p csi-snapshotter --lib fuzz

# Many lives of the world that both programs are tried in, of seeds that no test run has tried: `just lives 5000 2000`.
lives count="1000" from="1000":
    CARGO_PROFILE_TEST_OPT_LEVEL=1 WORLD_LIVES={{count}} WORLD_FROM={{from}} \
        cargo test --target-dir target/lives -p snapshot-controller --test world -- --nocapture --test-threads=1

# Licences, known flaws and sources of what the lock file names. Not in `check`: the tool (`cargo install --locked
# cargo-deny`) takes minutes to build, and it fetches the list of known flaws.
deny:
    cargo deny check

# Writes deploy/crds from the types.
crds:
    cargo run -p crds

# Builds the image's binary and runs it in an empty root, and in clusters that are not as they should be. Minutes.
image-test:
    cargo test -p sandbox --test image -- --include-ignored

# The kubectl plugin, as a static binary.
plugin:
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --target x86_64-unknown-linux-gnu -p kubectl-snapshots

# The binary of the image: static, stripped.
image:
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --profile image --target x86_64-unknown-linux-gnu -p csi-snapshotter
