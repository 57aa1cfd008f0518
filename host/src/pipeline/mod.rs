//! WHAT a run does: the pipeline file as written, and as resolved.

pub mod plan;
