//! The config as written, and what it resolves to.

use crate::format::Format;
use crate::mistake::Mistake;
use crate::zone::{self, Zone};
use lockgate_sdk::{Error, Path, Schema};
use schemars::JsonSchema;
use serde::Deserialize;

/// What becomes of a value that is no timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The row stays, with a null timestamp; it is counted, and sampled into the log.
    Null,
    /// The row leaves the stream for the quarantine, with the reason.
    #[default]
    Quarantine,
    /// The row leaves the stream without a trace.
    Drop,
}

/// Config of `timestamp-parse`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The column to read, for example `record.eventTime`: a string, or a number for the
    /// epoch formats. Null stays null.
    pub column: Path,
    /// `iso8601`, `epoch_s`, `epoch_ms`, `epoch_us`, `strftime:%Y-%m-%d`, or a Spark / Java
    /// pattern such as `yyyy-MM-dd'T'HH:mm:ssX`.
    #[serde(default)]
    pub format: Option<String>,
    /// Several formats instead of one; the first that fits a value is taken.
    #[serde(default)]
    pub formats: Option<Vec<String>>,
    /// Name of the timestamp column; one of that name is replaced. The last step of `column`
    /// when left out.
    #[serde(default)]
    pub into: Option<String>,
    /// Zone of text that names none: an IANA name such as `Europe/Paris`, or an offset such
    /// as `+01:00`.
    #[serde(default = "utc")]
    pub input_zone: String,
    /// What becomes of a value that is no timestamp: `quarantine`, `null` or `drop`.
    #[serde(default)]
    pub on_error: OnError,
}

fn utc() -> String {
    "UTC".into()
}

impl Config {
    /// The formats, compiled, in order.
    pub(crate) fn compile_formats(&self) -> Result<Vec<Format>, Error> {
        let (key, sources) = match (&self.format, &self.formats) {
            (Some(format), None) => ("format", std::slice::from_ref(format)),
            (None, Some(formats)) if !formats.is_empty() => ("formats", formats.as_slice()),
            (None, Some(_)) => {
                return Err(Error::config("`formats` is empty; name at least one format"));
            }
            (None, None) => {
                return Err(Error::config(
                    "no format; write `format`, for example `format = \"iso8601\"` or `format = \"yyyy-MM-dd HH:mm:ss\"`",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Error::config("both `format` and `formats`; keep one of them"));
            }
        };
        let compile = |source: &String| {
            Format::compile(source).map_err(|Mistake { message, at }| {
                // The host puts a caret under these bytes, but not in a list.
                let at = at.filter(|_| self.format.is_some());
                let range = at.map(|at| format!("\n@{}..{}", at.start, at.end));
                Error::config(format!("`{key}`: {message}{}", range.unwrap_or_default()))
            })
        };
        sources.iter().map(compile).collect()
    }

    /// The zone of text that names none.
    pub(crate) fn resolve_zone(&self) -> Result<Zone, Error> {
        zone::by_name(&self.input_zone).ok_or_else(|| {
            let name = &self.input_zone;
            Error::config(format!(
                "`input_zone`: there is no time zone `{name}`; write an IANA name such as `Europe/Paris` or an offset such as `+01:00`"
            ))
        })
    }

    /// Name of the timestamp column: a new one, or that of a column the user chose to replace.
    pub(crate) fn output_name(&self, input: &Schema) -> Result<String, Error> {
        let name = self.into.as_deref().unwrap_or(self.column.leaf());
        if name.is_empty() {
            return Err(Error::config("`into` is empty; name the column"));
        }
        if self.into.is_none() && self.column.steps().len() > 1 && input.has(name) {
            return Err(Error::config(format!(
                "`column` ends in `{name}`, and there is a column of that name already; name the new one with `into`, which may also be `{name}` to replace it"
            )));
        }
        let other = input.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        match other {
            Some(other) if !input.has(name) => Err(Error::config(format!(
                "`into`: `{name}` differs from column `{}` only by case; choose another name, or exactly that one to replace it",
                other.name
            ))),
            _ => Ok(name.to_owned()),
        }
    }
}
