//! Formats and the stage held against others' results, and against themselves.

mod formats;
mod java;
mod properties;
mod spark;
mod speed;
mod stage;

use crate::format::Format;
use crate::reason::Reason;
use crate::zone::{self, Zones};

/// Reads one text in one format.
fn read(format: &str, zone: &str, text: &str) -> Result<i64, Reason> {
    let format = Format::compile(format).unwrap();
    let zone = zone::by_name(zone).unwrap();
    format.read(text.as_bytes(), &mut Zones::default(), &zone)
}
