//! The stage: one column in, one computed `timestamp` column and the rejected rows out.

use crate::config::{Config, OnError};
use crate::epoch::Unit;
use crate::format::Format;
use crate::reason::Reason;
use crate::usual::{ROWS, Usual};
use crate::zone::{Zone, Zones};
use lockgate_sdk::{
    About, Batch, Bitmap, Build, Column, ColumnId, DataType, Disposition, Error, Field, Native,
    Output, Plan, Rejection, Schema, Stage, TimeUnit, ValuesBuilder,
};

/// Metadata key of the computed column whose value is shown when a pipeline is checked.
const WARNING_KEY: &str = "lockgate:warning";
/// Longest part of a value that a message shows.
const SHOWN_CHARS: usize = 80;

/// Reads timestamps from one column.
#[derive(Clone, Debug)]
pub struct TimestampParse {
    column: ColumnId,
    formats: Vec<Format>,
    /// What most texts of the first format look like.
    usual: Option<Usual>,
    zone: Zone,
    zones: Zones,
    on_error: OnError,
}

impl Stage for TimestampParse {
    type Config = Config;

    const ABOUT: About = About {
        name: "timestamp-parse",
        version: env!("CARGO_PKG_VERSION"),
        summary: "reads timestamps from text or numbers, with the patterns of Spark",
        docs: include_str!("../README.md"),
        examples: &[
            r#"{"column": "record.eventTime", "format": "yyyy-MM-dd'T'HH:mm:ssX", "into": "timestamp"}"#,
            r#"{"column": "time", "formats": ["iso8601", "dd/MM/yyyy HH:mm"], "input_zone": "Europe/Paris", "on_error": "null"}"#,
            r#"{"column": "created", "format": "epoch_ms"}"#,
            r#"{"column": "date", "format": "strftime:%d/%b/%Y:%H:%M:%S %z", "into": "timestamp"}"#,
        ],
    };

    fn open(config: Config, input: &Schema) -> Result<(Self, Plan), Error> {
        let formats = config.compile_formats()?;
        let zone = config.resolve_zone()?;
        let mut output = Field::new(
            config.output_name(input)?,
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        );
        let source = input.field(&config.column)?;
        check_type(&config.column.to_string(), &source.data_type, &formats)?;
        let warnings: Vec<_> = formats.iter().flat_map(Format::warnings).collect();
        if !warnings.is_empty() {
            output.metadata.push((WARNING_KEY.to_owned(), warnings.join("\n")));
        }
        let on_error = config.on_error;
        let mut plan = if on_error == OnError::Drop { Plan::filter() } else { Plan::keep() };
        let column = plan.read(config.column);
        plan.compute(output);
        let usual = formats.first().and_then(|format| format.usual(&zone));
        Ok((Self { column, formats, usual, zone, zones: Zones::default(), on_error }, plan))
    }

    fn process(&mut self, batch: &Batch) -> Result<Output, Error> {
        let column = batch.column(self.column)?;
        match column.data_type() {
            DataType::Utf8 => self.process_text(&column, batch.rows()),
            DataType::Int8 => self.process_integers::<i8>(&column, batch.rows()),
            DataType::Int16 => self.process_integers::<i16>(&column, batch.rows()),
            DataType::Int32 => self.process_integers::<i32>(&column, batch.rows()),
            DataType::UInt8 => self.process_integers::<u8>(&column, batch.rows()),
            DataType::UInt16 => self.process_integers::<u16>(&column, batch.rows()),
            DataType::UInt32 => self.process_integers::<u32>(&column, batch.rows()),
            DataType::UInt64 => self.process_integers::<u64>(&column, batch.rows()),
            DataType::Float32 => self.process_floats::<f32>(&column, batch.rows()),
            DataType::Float64 => self.process_floats::<f64>(&column, batch.rows()),
            DataType::Null => {
                let mut times = Times::new(batch.rows(), self.on_error);
                times.fill(batch.rows(), |_, _, _| 0, |_| None);
                Ok(times.finish(&String::new, &|_| String::new()))
            }
            _ => self.process_integers::<i64>(&column, batch.rows()),
        }
    }
}

/// Refuses a column that holds no text and, for epochs, no numbers.
fn check_type(column: &str, data_type: &DataType, formats: &[Format]) -> Result<(), Error> {
    let text_format = formats.iter().find(|format| format.epoch().is_none());
    match data_type {
        DataType::Utf8 | DataType::Null => Ok(()),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64 => match text_format {
            None => Ok(()),
            Some(format) => Err(Error::config(format!(
                "`column`: `{column}` is a number ({data_type}), which `{}` cannot read; use `epoch_s`, `epoch_ms` or `epoch_us`, or declare the column as string",
                format.source
            ))),
        },
        DataType::Timestamp(..) | DataType::Date32 => Err(Error::config(format!(
            "`column`: `{column}` is a {data_type} already; leave this stage out, or declare the column as string"
        ))),
        other => Err(Error::config(format!(
            "`column`: `{column}` is {other}; timestamps are read from string, or from bigint and double with an epoch format"
        ))),
    }
}

impl TimestampParse {
    fn process_text(&mut self, column: &Column<'_>, rows: usize) -> Result<Output, Error> {
        let texts = column.bytes()?;
        let mut times = Times::new(rows, self.on_error);
        let (offsets, validity) = (column.offsets(), column.validity());
        let usual = self.usual;
        let most = |start: usize, count: usize, micros: &mut [i64; ROWS]| {
            let here = offsets.get(start..=start + count);
            let read = usual.zip(here).map(|(usual, here)| usual.read(texts.data(), here, micros));
            read.unwrap_or(0) & validity.word(start)
        };
        times.fill(rows, most, |row| texts.get(row).map(|text| self.read_text(text)));
        Ok(times.finish(&|| self.describe_formats(), &|row| shown(texts.value(row))))
    }

    /// The first format that fits decides; else the most telling reason.
    #[inline(never)]
    fn read_text(&mut self, text: &[u8]) -> Result<i64, Reason> {
        let mut reason = Reason::Mismatch;
        for format in &self.formats {
            match format.read(text, &mut self.zones, &self.zone) {
                Ok(micros) => return Ok(micros),
                Err(other) if reason == Reason::Mismatch => reason = other,
                Err(_) => {}
            }
        }
        Err(reason)
    }

    fn process_integers<T>(&mut self, column: &Column<'_>, rows: usize) -> Result<Output, Error>
    where
        T: Native + TryInto<i64> + ToString,
    {
        self.process_numbers::<T>(column, rows, |unit, count| {
            count
                .try_into()
                .map_err(|_| Reason::OutOfRange)
                .and_then(|count| unit.integer_micros(count))
        })
    }

    fn process_floats<T>(&mut self, column: &Column<'_>, rows: usize) -> Result<Output, Error>
    where
        T: Native + Into<f64> + ToString,
    {
        self.process_numbers::<T>(column, rows, |unit, count| unit.float_micros(count.into()))
    }

    fn process_numbers<T: Native + ToString>(
        &mut self,
        column: &Column<'_>,
        rows: usize,
        read: impl Fn(Unit, T) -> Result<i64, Reason>,
    ) -> Result<Output, Error> {
        let numbers = column.values::<T>()?;
        let show = |row| numbers.value(row).to_string();
        Ok(self.fill_numbers(rows, &|unit, row| Some(read(unit, numbers.get(row)?)), &show))
    }

    /// Reads rows by the first unit that fits; the same code for every type of number.
    fn fill_numbers(
        &self,
        rows: usize,
        read: &dyn Fn(Unit, usize) -> Option<Result<i64, Reason>>,
        show: &dyn Fn(usize) -> String,
    ) -> Output {
        let units: Vec<_> = self.formats.iter().filter_map(Format::epoch).collect();
        let mut times = Times::new(rows, self.on_error);
        times.fill(
            rows,
            |_, _, _| 0,
            |row| units.iter().filter_map(|unit| read(*unit, row)).reduce(Result::or),
        );
        times.finish(&|| self.describe_formats(), show)
    }

    /// The formats as messages name them.
    fn describe_formats(&self) -> String {
        let sources: Vec<_> =
            self.formats.iter().map(|format| format!("`{}`", format.source)).collect();
        match sources.as_slice() {
            [one] => one.clone(),
            several => format!("any of {}", several.join(", ")),
        }
    }
}

/// The column in the making, and the rows that failed, one list per reason.
struct Times {
    values: ValuesBuilder<i64>,
    failed: [Vec<u32>; Reason::ALL.len()],
    kept: Bitmap,
    on_error: OnError,
}

impl Times {
    fn new(rows: usize, on_error: OnError) -> Self {
        let kept = Bitmap::with_capacity(if on_error == OnError::Drop { rows } else { 0 });
        let values = ValuesBuilder::with_capacity(rows);
        Self { values, failed: Default::default(), kept, on_error }
    }

    /// Appends all rows. Of a start and a count, `most` reads what it can: a bit for each row
    /// read, and its microseconds. `read` gives the microseconds of any other row, `None` for
    /// null.
    #[inline]
    fn fill(
        &mut self,
        rows: usize,
        most: impl Fn(usize, usize, &mut [i64; ROWS]) -> u64,
        mut read: impl FnMut(usize) -> Option<Result<i64, Reason>>,
    ) {
        let mut micros = [0; ROWS];
        for start in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - start);
            let mut valid = most(start, count, &mut micros);
            let mut kept = u64::MAX;
            let mut others = !valid & u64::MAX >> (ROWS - count);
            while others != 0 {
                let i = others.trailing_zeros() as usize;
                others &= others - 1;
                micros[i] = 0;
                match read(start + i) {
                    None => {}
                    Some(Ok(read)) => {
                        micros[i] = read;
                        valid |= 1 << i;
                    }
                    Some(Err(reason)) => {
                        kept &= !(1 << i);
                        self.failed[reason as usize].push((start + i) as u32);
                    }
                }
            }
            self.values.push_word(&micros[..count], valid);
            if self.on_error == OnError::Drop {
                self.kept.push_word(kept, count);
            }
        }
    }

    /// The answer; for a message, `formats` names the formats and `show` gives the value of a
    /// row.
    fn finish(self, formats: &dyn Fn() -> String, show: &dyn Fn(usize) -> String) -> Output {
        let disposition = match self.on_error {
            OnError::Drop => return Output::keep(self.kept).with_column(self.values.finish()),
            OnError::Null => Disposition::Note,
            OnError::Quarantine => Disposition::Quarantine,
        };
        let mut output = Output::same().with_column(self.values.finish());
        for (reason, rows) in Reason::ALL.into_iter().zip(self.failed) {
            let Some(first) = rows.first() else { continue };
            let message = reason.message(&show(*first as usize), &formats());
            let code = reason.code().to_owned();
            output.rejections.push(Rejection { code, message, disposition, rows });
        }
        output
    }
}

/// A value as messages show it: on one line, and not too long.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
