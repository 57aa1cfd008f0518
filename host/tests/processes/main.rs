//! The real binary, killed, stopped and raced: what no fault that a test plays can show.
//!
//! Local directories and a stand-in for Google Cloud Storage are always there; S3 is where
//! `cargo xtask test --stores` has started it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
#![expect(clippy::print_stderr, reason = "tells what a run came upon")]
#![expect(unreachable_pub, reason = "files are shared with crates that have a public surface")]

mod chance;
#[path = "../../../tests/gcs_server/mod.rs"]
mod gcs_server;
mod job;
mod kill;
#[path = "../../../tests/place.rs"]
mod place;
mod race;

use std::sync::LazyLock;

/// A new place in a stand-in for Google Cloud Storage, which has no locks.
fn stand_in() -> place::Place {
    static ADDRESS: LazyLock<String> =
        LazyLock::new(|| format!("http://{}", gcs_server::start("lockgate-test").unwrap()));
    place::at("gs", &ADDRESS)
}
