//! The long chores: everything that CI runs, every test, and the demo.

use crate::command::{answers, run, run_with};
use crate::{Result, demo, instructions, plugins, rules, setup, template, wit};
use std::path::Path;

/// Exactly what CI runs: format, lints, rules, docs, licences, the plugin template, every test,
/// then how many instructions the released binary takes.
///
/// # Errors
/// Stops at the first step that fails.
pub fn ci(root: &Path) -> Result {
    run(root, "cargo", &["fmt", "--all", "--check"])?;
    wit::check(root)?;
    rules::check(root)?;
    setup::run(root)?;
    plugins::run(root)?;
    run(root, "cargo", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    let docs = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    run_with(root, "cargo", &docs, &[("RUSTDOCFLAGS", "-D warnings")])?;
    if answers("cargo", &["deny", "--version"]) {
        run(root, "cargo", &["deny", "check", "licenses", "bans", "sources"])?;
    } else {
        eprintln!("`cargo deny` is not installed: licences are not checked");
    }
    template::check(root)?;
    test(root)?;
    instructions::run(root, &[])
}

/// Every test, with all that they need.
///
/// # Errors
/// Stops at the first step that fails.
pub fn test(root: &Path) -> Result {
    setup::run(root)?;
    plugins::run(root)?;
    run(root, "cargo", &["test", "--workspace"])
}

/// The main job on real input: release build, run, and what it wrote.
///
/// # Errors
/// Stops at the first step that fails.
pub fn demo(root: &Path) -> Result {
    setup::run(root)?;
    plugins::run(root)?;
    run(root, "cargo", &["build", "--release", "--package", "lockgate"])?;
    demo::demo(root)
}
