//! What a plugin may answer, made of bytes: mostly what is due, so that the odd thing is found
//! behind checks that it passes.

use super::take::Take;
use crate::stage::contract::{
    ArrayResult, Dependence, Disposition, Edit, Element, FieldResult, Output, Part, Plan, Read,
    Reference, Rejection, RowResult, RowShape, Unnest,
};

/// Columns of the input, members of its structs, and names that are not there.
const PATHS: [&[&str]; 14] = [
    &["id"],
    &["name"],
    &["list"],
    &["s"],
    &["s", "x"],
    &["s", "list"],
    &["m"],
    &["texts"],
    &["raw"],
    &["amount"],
    &["no"],
    &["s", "no"],
    &["id", "x"],
    &[],
];
const NAMES: [&str; 8] = ["a", "b", "id", "list", "s", "", "_rescued", "a"];
const FORMATS: [&str; 28] = [
    "l",
    "u",
    "+l",
    "+s",
    "+m",
    "b",
    "g",
    "i",
    "z",
    "n",
    "d:10,2",
    "w:3",
    "tsu:UTC",
    "tdD",
    "c",
    "C",
    "s",
    "S",
    "I",
    "L",
    "f",
    "d:38,-2",
    "w:2147483647",
    "tDn",
    "tsn:",
    "x",
    "d:39,0",
    "w:0",
];

fn path(take: &mut Take<'_>) -> Vec<String> {
    take.one_of(&PATHS).iter().map(|name| (*name).to_owned()).collect()
}

fn name(take: &mut Take<'_>) -> String {
    take.one_of(&NAMES).to_owned()
}

pub(super) fn plan(take: &mut Take<'_>) -> Plan {
    let reads = (0..take.below(4)).map(|_| Read {
        path: path(take),
        part: take.one_of(&[Part::Full, Part::Validity, Part::Offsets]),
    });
    let reads = reads.collect();
    let rows = match take.below(6) {
        0 => RowShape::Keep,
        1 => RowShape::Filter,
        2 => RowShape::Reindex,
        3 => RowShape::Produce,
        _ => RowShape::Unnest(Unnest {
            columns: (0..=take.below(3))
                .map(|_| Element { column: path(take), name: name(take) })
                .collect(),
            keep_empty: take.byte() & 1 == 1,
            position: (take.byte() & 1 == 1).then(|| name(take)),
        }),
    };
    let clear = matches!(rows, RowShape::Produce) && !take.rarely();
    let mut edits = if clear { vec![Edit::Clear] } else { Vec::new() };
    for _ in 0..take.below(5) {
        edits.push(match take.below(6) {
            0 => Edit::Drop(name(take)),
            1 => Edit::Refer(Reference { name: name(take), path: path(take) }),
            2 if take.rarely() => Edit::Clear,
            _ => {
                let mut nodes = Vec::new();
                field(take, 0, false, &mut nodes);
                Edit::Compute(nodes)
            }
        });
    }
    let dependence = match take.byte() {
        250.. => Dependence::Sequence,
        128.. => Dependence::Batch,
        _ => Dependence::Row,
    };
    Plan { reads, rows, edits, dependence }
}

/// The nodes of a computed field; `entries`: the child of a map.
fn field(take: &mut Take<'_>, depth: usize, entries: bool, nodes: &mut Vec<FieldResult>) {
    let deep = depth > 4 || nodes.len() > 40;
    let format = match (entries, deep) {
        (true, _) => "+s",
        (false, true) => "l",
        (false, false) => take.one_of(&FORMATS),
    };
    let due = match format {
        "+s" if entries => 2,
        "+s" => take.below(4),
        "+l" | "+m" => 1,
        _ => 0,
    };
    let children = take.near(due);
    nodes.push(FieldResult {
        name: name(take),
        format: format.to_owned(),
        nullable: take.byte() & 1 == 1 && (!entries || take.rarely()),
        children: children as u32,
        metadata: if take.rarely() { vec![(name(take), name(take))] } else { Vec::new() },
    });
    for _ in 0..due {
        field(take, depth + 1, format == "+m", nodes);
    }
}

/// An answer to a batch of so many rows.
pub(super) fn output(take: &mut Take<'_>, plan: &Plan, rows: usize) -> Output {
    let decision = match (&plan.rows, take.rarely()) {
        (RowShape::Filter | RowShape::Unnest(_), false) if take.byte() & 1 == 1 => {
            let length = take.near(rows.div_ceil(8));
            RowResult::Keep(bytes(take, length))
        }
        (RowShape::Reindex, false) => {
            let length = take.near(rows);
            let row = |_| take.near(0).min(1 << 33) as u32 + take.below(rows.max(1)) as u32;
            RowResult::Take((0..length.min(4_000)).map(row).collect())
        }
        (RowShape::Produce, false) => RowResult::Produced(take.near(rows) as u32),
        (_, true) => match take.below(3) {
            0 => RowResult::Keep(take.bytes(2).to_vec()),
            1 => RowResult::Take(vec![take.number()]),
            _ => RowResult::Produced(take.number()),
        },
        (_, false) => RowResult::Same,
    };
    let due = match &decision {
        RowResult::Take(rows) => rows.len(),
        RowResult::Produced(rows) => *rows as usize,
        RowResult::Same if matches!(plan.rows, RowShape::Produce) => 0,
        RowResult::Same | RowResult::Keep(_) => rows,
    };
    let mut columns = Vec::new();
    for edit in &plan.edits {
        if let Edit::Compute(nodes) = edit {
            let mut nodes = nodes.iter();
            column(take, &mut nodes, due.min(1_000), &mut columns);
        }
    }
    if take.rarely() {
        columns.pop();
    }
    let rejections = (0..take.below(3)).map(|_| Rejection {
        code: name(take),
        message: name(take).repeat(take.below(9) * 400),
        disposition: take.one_of(&[Disposition::Quarantine, Disposition::Note]),
        rows: (0..take.below(5)).map(|_| take.near(0) as u32).collect(),
    });
    let rejections = rejections.collect();
    Output { rows: decision, columns, rejections }
}

/// The nodes of one computed column of so many values.
fn column<'a>(
    take: &mut Take<'_>,
    fields: &mut impl Iterator<Item = &'a FieldResult>,
    due: usize,
    nodes: &mut Vec<ArrayResult>,
) {
    let Some(field) = fields.next() else { return };
    let length = take.near(due);
    let real = length.min(10_000);
    let mut node = ArrayResult {
        length: length as u32,
        null_count: 0,
        validity: Vec::new(),
        offsets: Vec::new(),
        data: Vec::new(),
    };
    if (field.nullable || take.rarely()) && take.byte() & 1 == 1 {
        let size = take.near(real.div_ceil(8));
        node.validity = bytes(take, size);
        let present = (0..real).filter(|bit| {
            node.validity.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
        });
        node.null_count = take.near(real - present.count()) as u32;
    }
    let mut children_due = real;
    match field.format.as_str() {
        "u" | "z" | "+l" | "+m" => {
            let mut last = 0;
            node.offsets.push(if take.rarely() { take.number() as i32 } else { 0 });
            for _ in 0..take.near(real).min(10_000) {
                last += take.below(4) as i32;
                node.offsets.push(if take.rarely() { take.number() as i32 } else { last });
            }
            children_due = last.unsigned_abs() as usize;
        }
        _ => {}
    }
    let width = match field.format.as_str() {
        "c" | "C" => 1,
        "s" | "S" => 2,
        "i" | "I" | "f" | "tdD" => 4,
        "w:3" => 3,
        format if format.starts_with("d:") => 16,
        "n" | "+s" | "+l" | "+m" => 0,
        _ => 8,
    };
    let size = match field.format.as_str() {
        "u" | "z" => children_due,
        "b" => real.div_ceil(8),
        _ => real * width,
    };
    let size = take.near(size);
    node.data = bytes(take, size);
    if field.format == "u" && !take.rarely() {
        node.data.iter_mut().for_each(|byte| *byte &= 0x7f);
    }
    nodes.push(node);
    for _ in 0..field.children.min(8) {
        column(take, fields, children_due, nodes);
    }
}

/// So many bytes, the last ones zero where there are none left.
fn bytes(take: &mut Take<'_>, length: usize) -> Vec<u8> {
    let length = length.min(200_000);
    let mut bytes = take.bytes(length).to_vec();
    bytes.resize(length, 0);
    bytes
}
