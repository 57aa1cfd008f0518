//! What a Parquet table of payments holds, read without any of lockgate's code.
//!
//! Prints, for the directory it is given, `rows N`, `cents N` and `YYYY-MM-DD N` lines for the
//! rows of each date, sorted. The date of a row is that of its timestamp, and must be the one
//! its directory says.

#![expect(clippy::print_stdout, reason = "prints its result")]

use arrow_array::{cast::AsArray, types::Float64Type, types::TimestampMicrosecondType};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};
use std::{collections::BTreeMap, error::Error, fs, path::Path};

#[derive(Default)]
struct Facts {
    rows: u64,
    cents: i64,
    by_date: BTreeMap<String, u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: table-facts DIRECTORY")?;
    let mut facts = Facts::default();
    visit(Path::new(&folder), &mut facts)?;
    println!("rows {}", facts.rows);
    println!("cents {}", facts.cents);
    for (date, rows) in facts.by_date {
        println!("{date} {rows}");
    }
    Ok(())
}

/// Every file that `**/*.parquet` finds.
fn visit(folder: &Path, facts: &mut Facts) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            visit(&path, facts)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            add(&path, facts).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}

fn add(path: &Path, facts: &mut Facts) -> Result<(), Box<dyn Error>> {
    let directory = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let date = directory.and_then(|name| name.strip_prefix("date=")).ok_or("not below `date=`")?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path)?)?;
    let columns = ProjectionMask::columns(reader.parquet_schema(), ["amount", "timestamp"]);
    for batch in reader.with_projection(columns).build()? {
        let batch = batch?;
        let column = |name| batch.column_by_name(name).ok_or(format!("no column `{name}`"));
        let amounts = column("amount")?.as_primitive_opt::<Float64Type>().ok_or("no doubles")?;
        let times = column("timestamp")?.as_primitive_opt::<TimestampMicrosecondType>();
        for time in times.ok_or("`timestamp` is not in microseconds")? {
            let days = time.ok_or("a timestamp is null")?.div_euclid(86_400_000_000);
            // The data spans thirty days from 2026-03-01.
            let found = format!("2026-03-{:02}", days - 20_513 + 1);
            if found != date {
                return Err(format!("a row of {found} is in it").into());
            }
        }
        for amount in amounts {
            facts.cents += (amount.ok_or("an amount is null")? * 100.0).round() as i64;
        }
        facts.rows += batch.num_rows() as u64;
        *facts.by_date.entry(date.to_owned()).or_default() += batch.num_rows() as u64;
    }
    Ok(())
}
