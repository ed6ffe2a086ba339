//! The house keeps its floors: a crate depends only on crates below it (ARCHITECTURE.md).

use std::path::{Path, PathBuf};

/// From the top of the house down. A crate may use what stands after it.
const ORDER: &[&str] = &[
    "gatepost-tests",
    "gatepost-testkit",
    "gatepost",
    "gatepost-submission",
    "gatepost-arm",
    "gatepost-graph",
    "gatepost-authority",
    "gatepost-https",
    "gatepost-resources",
    "gatepost-delivery",
    "gatepost-tokens",
    "gatepost-directory",
    "gatepost-access",
    "gatepost-store",
    "gatepost-clock",
    "gatepost-rbac",
    "gatepost-oauth",
    "gatepost-odata",
    "gatepost-smtp",
    "gatepost-mail",
    "gatepost-names",
];

/// What the rules may never use: I/O, clocks, randomness, logging.
const IMPURE: &[&str] = &["tokio", "hyper", "rusqlite", "rustix", "tracing", "getrandom", "jiff", "socket2"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The name of a crate and its dependencies, those for tests apart.
fn read(manifest: &Path) -> (String, Vec<String>) {
    let text = std::fs::read_to_string(manifest).unwrap();
    let name =
        text.lines().find_map(|line| line.strip_prefix("name = ")).unwrap().trim_matches('"').to_owned();
    let uses = text
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|word| !word.is_empty() && !word.starts_with('#'))
        .map(str::to_owned)
        .collect();
    (name, uses)
}

fn manifests() -> Vec<PathBuf> {
    let root = root();
    let mut found = vec![root.join("tests/Cargo.toml")];
    for folder in ["crates", "crates/edges", "crates/services", "crates/rules"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let manifest = entry.unwrap().path().join("Cargo.toml");
            if manifest.is_file() {
                found.push(manifest);
            }
        }
    }
    found
}

#[test]
fn no_crate_reaches_upward() {
    let manifests = manifests();
    assert_eq!(manifests.len(), ORDER.len(), "each crate has its place in ORDER");
    for manifest in manifests {
        let (name, uses) = read(&manifest);
        let place = |name: &str| ORDER.iter().position(|known| *known == name);
        let own = place(&name).unwrap_or_else(|| panic!("{name} has no place in ORDER"));
        for used in uses.iter().filter(|used| used.starts_with("gatepost")) {
            let other = place(used).unwrap_or_else(|| panic!("{used} has no place in ORDER"));
            assert!(other > own, "{name} may not use {used}: it stands above it");
        }
    }
}

#[test]
fn the_rules_are_pure() {
    for manifest in manifests().iter().filter(|path| path.to_string_lossy().contains("crates/rules")) {
        let (name, uses) = read(manifest);
        for impure in IMPURE {
            assert!(!uses.iter().any(|used| used == impure), "{name} may not use {impure}");
        }
    }
}

#[test]
fn edges_do_not_know_each_other() {
    for manifest in manifests().iter().filter(|path| path.to_string_lossy().contains("crates/edges")) {
        let (name, uses) = read(manifest);
        for other in ["gatepost-arm", "gatepost-graph", "gatepost-authority", "gatepost-submission"] {
            assert!(!uses.iter().any(|used| used == other), "{name} may not use {other}");
        }
    }
}
