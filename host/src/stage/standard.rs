//! The standard plugins, embedded in the binary when it is built.

/// Name and component of every standard plugin.
const STANDARD: [(&str, &[u8]); 4] = [
    ("explode", include_bytes!(env!("LOCKGATE_EXPLODE"))),
    ("filter", include_bytes!(env!("LOCKGATE_FILTER"))),
    ("flatten", include_bytes!(env!("LOCKGATE_FLATTEN"))),
    ("timestamp-parse", include_bytes!(env!("LOCKGATE_TIMESTAMP_PARSE"))),
];

/// The component of a standard plugin, if there is one of this name.
pub fn standard(name: &str) -> Option<&'static [u8]> {
    STANDARD.iter().find(|(standard, _)| *standard == name).map(|(_, component)| *component)
}

/// The names of the standard plugins, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    STANDARD.iter().map(|(name, _)| *name)
}
