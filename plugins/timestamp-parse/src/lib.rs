//! The standard plugin `timestamp-parse`: text or numbers to a `timestamp` column in UTC.
//!
//! A format is compiled once, in `open`, to items; a value goes through them like this:
//!
//! ```text
//! format --pattern, strftime--> items --prefix--> fixed positions    (open)
//! texts --usual--------------------------------------------> microseconds    (process, most)
//! text --prefix--> local time ------------------------+--> microseconds    (process, some)
//! text --matcher, iso8601--> fields --parsed--> local time + zone     (process, the rest)
//! ```
//!
//! [`TimestampParse`] is the stage, [`Config`] what users write.

mod civil;
mod config;
mod epoch;
mod format;
mod iso8601;
mod item;
mod matcher;
mod mistake;
mod parsed;
mod pattern;
mod prefix;
mod reason;
mod stage;
mod strftime;
mod usual;
mod zone;

pub use config::{Config, OnError};
pub use stage::TimestampParse;

lockgate_sdk::export!(TimestampParse);

#[cfg(test)]
mod tests;
