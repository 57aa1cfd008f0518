//! lockgate streams raw files into a query-ready table, continuously and exactly once.

mod allocator;
pub mod chaos;
pub mod checkpoint;
pub mod cli;
pub mod clock;
pub mod diagnostic;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod metrics;
pub mod pipeline;
pub mod run;
pub mod sink;
pub mod source;
pub mod stage;
pub mod storage;
pub mod types;
