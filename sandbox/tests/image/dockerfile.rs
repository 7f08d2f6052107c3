//! Checks the Dockerfile as far as that is possible without a Docker engine.

const DOCKERFILE: &str = include_str!("../../../Dockerfile");
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The lines of the last stage, which is built if no stage is named.
fn last_stage() -> Vec<&'static str> {
    let start = DOCKERFILE.rfind("\nFROM ").expect("a stage");
    DOCKERFILE[start..].trim().lines().collect()
}

#[test]
fn the_image_holds_the_binary_at_its_root_and_runs_it_as_root_as_the_reference_does() {
    let lines = last_stage();
    assert_eq!(lines[0], "FROM scratch AS sidecar");
    for line in [
        "ARG USER=0:0",
        "USER ${USER}",
        "COPY --from=build-sidecar /csi-snapshotter /csi-snapshotter",
        "ENTRYPOINT [\"/csi-snapshotter\"]",
    ] {
        assert!(lines.contains(&line), "{line} is not in\n{}", lines.join("\n"));
    }
}

#[test]
fn the_controller_has_an_image_of_its_own_with_its_binary_at_the_root() {
    let start = DOCKERFILE.find("\nFROM scratch AS snapshot-controller\n").expect("a stage");
    let stage = DOCKERFILE[start + 1..].split("\nFROM ").next().expect("its lines");
    for line in [
        "COPY --from=build-controller /snapshot-controller /snapshot-controller",
        "USER ${USER}",
        "ENTRYPOINT [\"/snapshot-controller\"]",
    ] {
        assert!(stage.lines().any(|found| found == line), "{line} is not in\n{stage}");
    }
}

#[test]
fn the_image_is_compiled_by_the_toolchain_that_the_workspace_asks_for() {
    let version = WORKSPACE.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    assert!(DOCKERFILE.contains(&format!("library/rust:{}-", version.trim_matches('"'))));
}
