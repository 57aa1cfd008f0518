//! Rows of every type, and the batches a host would send of them.

use crate::{Config, Filter};
use lockgate_sdk::{
    Batch, ColumnData, DataType, Field, Node, Output, Part, Plan, RowResult, Schema, Stage,
    TimeUnit,
};

/// A value of a column, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Boolean(bool),
    /// Integers, dates, timestamps.
    Integer(i64),
    Unsigned(u64),
    Decimal(i128),
    Double(f64),
    Text(String),
    /// A list of so many elements.
    List(i32),
}

/// The columns of the tests: one of each type that a condition can use.
pub(super) fn schema() -> Schema {
    let zone = Some("UTC".to_owned());
    let element = Box::new(Field::new("element", DataType::Utf8));
    Schema::new(vec![
        Field::new("b", DataType::Boolean),
        Field::new("c", DataType::Boolean),
        Field::new("i", DataType::Int64),
        Field::new("small", DataType::Int8),
        Field::new("u", DataType::UInt64),
        Field::new("d", DataType::Decimal128(10, 2)),
        Field::new("e", DataType::Decimal128(20, 5)),
        Field::new("f", DataType::Float64),
        Field::new("g", DataType::Float32),
        Field::new("s", DataType::Utf8),
        Field::new("t", DataType::Utf8),
        Field::new("day", DataType::Date32),
        Field::new("sec", DataType::Timestamp(TimeUnit::Second, None)),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, zone)),
        Field::new("ns", DataType::Timestamp(TimeUnit::Nanosecond, None)),
        Field::new("list", DataType::List(element)),
    ])
}

/// Opens a filter over the columns of the tests.
pub(super) fn open(condition: &str) -> (Filter, Plan) {
    let config = Config { condition: condition.to_owned() };
    Filter::open(config, &schema()).unwrap_or_else(|error| panic!("{condition}: {error}"))
}

/// Which rows a condition keeps; a row has one cell per column of the schema.
pub(super) fn keep(condition: &str, rows: &[Vec<Cell>]) -> Vec<bool> {
    let (mut filter, plan) = open(condition);
    let columns = plan.reads.iter().map(|read| {
        let names = schema();
        let column = names.fields.iter().position(|field| field.name == read.path.leaf()).unwrap();
        let cells: Vec<_> = rows.iter().map(|row| row[column].clone()).collect();
        column_data(&names.fields[column].data_type, read.part, &cells)
    });
    let batch = Batch::new(rows.len(), None, columns.collect());
    let output = filter.process(&batch).unwrap();
    kept(&output, rows.len())
}

/// Which rows stay.
pub(super) fn kept(output: &Output, rows: usize) -> Vec<bool> {
    match &output.rows {
        RowResult::Same => vec![true; rows],
        RowResult::Keep(bits) => (0..rows).map(|row| bits[row / 8] >> (row % 8) & 1 == 1).collect(),
        other => panic!("a filter keeps or drops, and this is {other:?}"),
    }
}

pub(super) fn column_data(data_type: &DataType, part: Part, cells: &[Cell]) -> ColumnData {
    let mut node = Node { length: cells.len() as u32, ..Node::default() };
    node.null_count = cells.iter().filter(|cell| **cell == Cell::Null).count() as u32;
    let pack = |bits: Vec<bool>| -> Vec<u8> {
        let byte = |chunk: &[bool]| {
            chunk.iter().enumerate().fold(0, |byte, (i, bit)| byte | u8::from(*bit) << i)
        };
        bits.chunks(8).map(byte).collect()
    };
    if node.null_count > 0 {
        node.validity = pack(cells.iter().map(|cell| *cell != Cell::Null).collect());
    }
    if *data_type == DataType::Boolean {
        node.data = pack(cells.iter().map(|cell| *cell == Cell::Boolean(true)).collect());
    }
    let variable = matches!(data_type, DataType::Utf8 | DataType::List(_));
    node.offsets.extend(variable.then_some(0));
    let mut elements = 0;
    for cell in cells {
        match (cell, data_type.width_bytes()) {
            (Cell::Integer(value), Some(width)) => {
                node.data.extend(&value.to_le_bytes()[..width]);
            }
            (Cell::Unsigned(value), _) => node.data.extend(value.to_le_bytes()),
            (Cell::Decimal(value), _) => node.data.extend(value.to_le_bytes()),
            (Cell::Double(value), Some(4)) => node.data.extend((*value as f32).to_le_bytes()),
            (Cell::Double(value), _) => node.data.extend(value.to_le_bytes()),
            (Cell::Text(text), _) => node.data.extend(text.as_bytes()),
            (Cell::List(length), _) => elements += length,
            // What is stored where a value is null must not matter.
            (Cell::Null, Some(width)) => node.data.extend(vec![0xee; width]),
            _ => {}
        }
        if variable {
            let end = if *data_type == DataType::Utf8 { node.data.len() as i32 } else { elements };
            node.offsets.push(end);
        }
    }
    match part {
        Part::Full => {}
        Part::Validity => {
            node.data.clear();
            node.offsets.clear();
        }
        Part::Offsets => node.data.clear(),
    }
    ColumnData::new(data_type.clone(), part, vec![node]).unwrap()
}
