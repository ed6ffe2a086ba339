//! The house keeps its floors: a crate depends only on crates below it (ARCHITECTURE.md).
#![expect(clippy::unwrap_used, reason = "a test that cannot read the workspace has failed")]

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
    "gatepost-metadata",
    "gatepost-https",
    "gatepost-resources",
    "gatepost-delivery",
    "gatepost-tokens",
    "gatepost-directory",
    "gatepost-access",
    "gatepost-fetch",
    "gatepost-store",
    "gatepost-clock",
    "gatepost-rbac",
    "gatepost-oauth",
    "gatepost-odata",
    "gatepost-smtp",
    "gatepost-mail",
    "gatepost-credentials",
    "gatepost-names",
];

/// What the rules may never use: I/O, clocks, randomness, logging.
const IMPURE: &[&str] = &["tokio", "hyper", "rusqlite", "rustix", "tracing", "getrandom", "socket2"];

/// Nor may their sources (tests aside) name these: jiff and uuid are there for their types, not for the clock.
const IMPURE_WORDS: &[&str] = &[
    "::now(",
    "SystemTime",
    "Instant",
    "std::fs",
    "std::net::Tcp",
    "std::env",
    "std::process",
    "new_v4",
    "now_v7",
];

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
        for (path, text) in sources(&manifest.parent().unwrap().join("src")) {
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in IMPURE_WORDS {
                assert!(!product.contains(word), "{} may not use {word}", path.display());
            }
        }
    }
}

/// Every source file below a folder, with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

#[test]
fn edges_do_not_know_each_other() {
    for manifest in manifests().iter().filter(|path| path.to_string_lossy().contains("crates/edges")) {
        let (name, uses) = read(manifest);
        for other in [
            "gatepost-arm",
            "gatepost-graph",
            "gatepost-authority",
            "gatepost-metadata",
            "gatepost-submission",
        ] {
            assert!(!uses.iter().any(|used| used == other), "{name} may not use {other}");
        }
    }
}
