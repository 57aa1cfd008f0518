//! One guest whose config picks the crime.
//!
//! It speaks the contract's raw form, because the SDK would not let it lie. It reads column
//! `n` (bigint) and computes column `out` (string, never null). Each crime has a test in
//! `tests/sandbox.rs`.

#![cfg(target_arch = "wasm32")]
#![expect(missing_docs, clippy::pedantic, reason = "generated bindings")]

wit_bindgen::generate!({ path: "../../wit", world: "columnar" });

use exports::lockgate::transform::{columns, stage};
use lockgate::transform::types::{
    Array, Batch, Dependence, Disposition, Edit, Error, Field, Metadata, Output, Part, Plan, Read,
    Rejection, RowResult, RowShape, Schema,
};
use std::cell::RefCell;

thread_local! {
    static CRIME: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Villain;

export!(Villain);

impl stage::Guest for Villain {
    fn describe() -> Metadata {
        Metadata {
            name: "hostile".into(),
            version: "0.1.0".into(),
            summary: "commits the crime its config names".into(),
            docs: String::new(),
            config_schema: r#"{"type":"object","properties":{"crime":{"type":"string"}},"required":["crime"],"additionalProperties":false}"#.into(),
            examples: Vec::new(),
        }
    }

    fn open(config: String, _: Schema) -> Result<Plan, Error> {
        let crime = config.split('"').nth(3).unwrap_or_default().to_owned();
        let mut plan = Plan {
            reads: vec![Read { path: vec!["n".into()], part: Part::Full }],
            rows: RowShape::Filter,
            edits: vec![Edit::Compute(vec![text("out")])],
            dependence: Dependence::Row,
        };
        match crime.as_str() {
            "loop-in-open" => loop_for_ever(),
            "trap-in-open" => unreachable!("trap"),
            "refuse" => {
                return Err(Error::Config("this config cannot work: change `crime`".into()));
            }
            "read-unknown-column" => plan.reads[0].path = vec!["no_such".into()],
            "offsets-of-a-number" => plan.reads[0].part = Part::Offsets,
            "schema-of-nothing" => plan.edits = vec![Edit::Compute(Vec::new())],
            "schema-without-end" => {
                let open = Field { children: u32::MAX, format: "+s".into(), ..text("out") };
                plan.edits = vec![Edit::Compute(vec![open])];
            }
            "drop-unknown-column" => plan.edits.push(Edit::Drop("no_such".into())),
            "depend-on-the-past" => plan.dependence = Dependence::Sequence,
            "take-beyond" | "too-many-rows" => plan.rows = RowShape::Reindex,
            "produce-without-clear" => plan.rows = RowShape::Produce,
            "produce-the-same" => {
                plan.rows = RowShape::Produce;
                plan.edits.insert(0, Edit::Clear);
            }
            "null-list-without-end" => {
                let list = Field { children: 1, format: "+l".into(), ..text("out") };
                let nulls = Field { format: "n".into(), nullable: true, ..text("item") };
                plan.edits = vec![Edit::Compute(vec![list, nulls])];
            }
            _ => {}
        }
        CRIME.set(crime);
        Ok(plan)
    }
}

impl columns::Guest for Villain {
    fn process(input: Batch) -> Result<Output, Error> {
        let rows = input.rows as usize;
        let mut output =
            Output { rows: RowResult::Same, columns: vec![strings(rows)], rejections: Vec::new() };
        let crime = CRIME.take();
        CRIME.set(crime.clone());
        let column = &mut output.columns[0];
        match crime.as_str() {
            "loop" => loop_for_ever(),
            "trap" => unreachable!("trap"),
            "overflow-the-stack" => output.rows = RowResult::Produced(recurse(rows as u32)),
            "memory-bomb" => output.rows = RowResult::Produced(bomb()),
            "poison" => {
                let poisoned = |value: &[u8]| value == 13_i64.to_le_bytes();
                assert!(!input.columns[0].data.chunks(8).any(poisoned), "poison");
            }
            "fail" => return Err(Error::Failed("not today".into())),
            "offsets-that-shrink" => {
                column.offsets[1] = 9;
            }
            "offsets-beyond-the-end" => {
                column.offsets[rows] = i32::MAX;
            }
            "negative-offsets" => column.offsets[0] = -1,
            "invalid-utf8" => {
                column.data = vec![0xff; 1];
                column.offsets[rows] = 1;
            }
            "split-a-character" => {
                column.data = "é".into();
                column.offsets = (0..=rows as i32).map(|i| i.min(1)).collect();
                column.offsets[rows] = 2;
            }
            "too-short" => *column = strings(rows - 1),
            "wrong-null-count" => {
                column.null_count = 1;
                column.validity = vec![0xff; rows.div_ceil(8)];
            }
            "null-where-never-null" => {
                column.null_count = 1;
                column.validity = vec![0xff; rows.div_ceil(8)];
                column.validity[0] = 0xfe;
            }
            "produce-the-same" => *column = strings(0),
            "null-list-without-end" => {
                column.offsets = vec![0; rows + 1];
                column.offsets[rows] = i32::MAX;
                let nulls = Array {
                    length: i32::MAX as u32,
                    null_count: 0,
                    offsets: Vec::new(),
                    ..strings(0)
                };
                output.columns.push(nulls);
            }
            "fail-together" => {
                if rows > 10 {
                    return Err(Error::Failed("too many at once".into()));
                }
            }
            "short-bitmap" => output.rows = RowResult::Keep(Vec::new()),
            "take-beyond" => {
                output.rows = RowResult::Take(vec![rows as u32]);
                output.columns = vec![strings(1)];
            }
            "too-many-rows" => {
                output.rows = RowResult::Take(vec![0; 1_000_000]);
                output.columns = vec![strings(1_000_000)];
            }
            "huge-output" => column.data = vec![b'x'; 200 << 20],
            "no-columns" => output.columns.clear(),
            "extra-columns" => output.columns.push(strings(rows)),
            "reject-beyond" => output.rejections.push(reject(vec![u32::MAX])),
            "reject-twice" => output.rejections = vec![reject(vec![0, 0]), reject(vec![0])],
            "rows-of-another-shape" => output.rows = RowResult::Produced(3),
            _ => {}
        }
        Ok(output)
    }
}

fn text(name: &str) -> Field {
    let (format, metadata) = ("u".into(), Vec::new());
    Field { name: name.into(), format, nullable: false, children: 0, metadata }
}

fn strings(rows: usize) -> Array {
    let (validity, data) = (Vec::new(), Vec::new());
    Array { length: rows as u32, null_count: 0, validity, offsets: vec![0; rows + 1], data }
}

fn reject(rows: Vec<u32>) -> Rejection {
    let (code, message) = ("Bad Code!\n".into(), "m".repeat(100_000));
    Rejection { code, message, disposition: Disposition::Quarantine, rows }
}

fn loop_for_ever() {
    let mut n = 0_u32;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

#[expect(unconditional_recursion, reason = "the crime")]
fn recurse(n: u32) -> u32 {
    let frame = std::hint::black_box([n; 64]);
    recurse(frame[63]) + frame[0]
}

fn bomb() -> u32 {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        if hoard.len() > 1 << 20 {
            return 0;
        }
    }
}
