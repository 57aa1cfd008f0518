//! One unit of input through decoder, stages and partition split, on one thread.
//!
//! A [`Piece`] is what the sequencer gets: the rows of each partition, their values where they
//! were decoded, and everything that must be counted. Pieces of one unit come in file order.

use super::bind::{self, Bound};
use crate::{
    clock::{Spent, Stopwatch},
    diagnostic::Result,
    pipeline::plan::Plan,
    sink::{
        bind::check_files,
        hive,
        parquet::{Rows, Selection},
        partition::Partitioner,
    },
    source::{Elements, Origin, SourceBatch, json::JsonReader, rescued},
    stage::{Chain, ConfiguredStage, Lineage, RejectedRow, View},
    storage::Storage,
    types::{InputFile, PartitionKey, Rejected, StageRows},
};
use arrow_array::{ArrayRef, UInt32Array};
use arrow_schema::SchemaRef;
use std::{borrow::Cow, sync::Arc};

/// Decoder and stages of one thread, kept from one micro-batch to the next.
pub(super) struct Worker {
    reader: JsonReader,
    chain: Chain,
    partitioner: Arc<Partitioner>,
    rescued: Option<Arc<str>>,
}

/// What came of one source batch.
#[derive(Default)]
pub(super) struct Piece {
    /// Rows of each partition, in row order.
    pub(super) rows: Vec<(PartitionKey, Rows)>,
    /// Records and rows that left for the quarantine.
    pub(super) rejected: Vec<Rejected>,
    /// Size of the unit's files, in its last piece.
    pub(super) bytes_read: u64,
    /// Records decoded.
    pub(super) rows_read: u64,
    /// Records the decoder rejected.
    pub(super) source_rejected: u64,
    /// Rows of every stage.
    pub(super) stages: Vec<StageRows>,
    /// Time spent, by part.
    pub(super) times: Times,
}

/// Time spent in the parts of a worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    pub(super) decode: Spent,
    pub(super) stages: Spent,
    pub(super) split: Spent,
}

impl Worker {
    /// Opens the stages against the source's schema.
    ///
    /// # Errors
    /// Fails where a stage or the sink does not fit the schema.
    pub(super) fn new(plan: &Plan, schema: &SchemaRef, stages: &[ConfiguredStage]) -> Result<Self> {
        let Bound { reader, chain, partitioner } = bind::open(plan, schema, stages)?;
        check_files(&plan.sink, partitioner.file_schema())?;
        let rescued = plan.source.rescued_column.as_deref().map(Arc::from);
        Ok(Self { reader, chain, partitioner: Arc::new(partitioner), rescued })
    }

    /// Schema of the files this worker's rows go to.
    pub(super) fn file_schema(&self) -> &SchemaRef {
        self.partitioner.file_schema()
    }

    /// Decodes and transforms a unit; `send` gets the pieces in order.
    ///
    /// # Errors
    /// Fails when the source's store refuses, a stage stops the pipeline, or `send` fails.
    pub(super) fn run(
        &mut self,
        source: &Storage,
        files: &[InputFile],
        send: &mut dyn FnMut(Piece) -> Result<()>,
    ) -> Result<()> {
        let Self { reader, chain, partitioner, rescued } = self;
        let mut watch = Stopwatch::start();
        reader.read_unit(source, files, &mut |batch| {
            let decode = watch.lap();
            let mut piece = transform(batch, chain, partitioner, rescued.as_ref())?;
            piece.times.decode = decode;
            send(piece)?;
            watch = Stopwatch::start();
            Ok(())
        })?;
        let bytes_read = files.iter().map(|file| file.size_bytes).sum();
        send(Piece { bytes_read, ..Piece::default() })
    }
}

fn transform(
    source: SourceBatch,
    chain: &mut Chain,
    partitioner: &Partitioner,
    rescued: Option<&Arc<str>>,
) -> Result<Piece> {
    let mut watch = Stopwatch::start();
    let mut output = chain.process(&source.batch, &lineage(&source, rescued))?;
    let stages = watch.lap();
    let rows = cut_by_partition(&output.view, partitioner, &mut output.rejected)?;
    let mut rejected = originals(&source, &output.rejected);
    let source_rejected = source.rejected.len() as u64;
    let rows_read = source.batch.num_rows() as u64;
    rejected.splice(0..0, source.rejected);
    let times = Times { stages, split: watch.lap(), ..Times::default() };
    let stages = output.stages;
    Ok(Piece { rows, rejected, bytes_read: 0, rows_read, source_rejected, stages, times })
}

/// What an unnest of this batch must respect.
pub(super) fn lineage(source: &SourceBatch, rescued: Option<&Arc<str>>) -> Lineage {
    let column =
        source.origins.iter().find_map(|origin| origin.slice.as_ref()).map(|(column, _)| column);
    let earlier = |origin: &Origin| origin.slice.as_ref().map_or(0, |(_, earlier)| *earlier);
    let slices =
        column.map(|column| (Arc::clone(column), source.origins.iter().map(earlier).collect()));
    Lineage { rescued: rescued.map(|name| (Arc::clone(name), rescued::narrow as _)), slices }
}

/// The rows of each partition, ordered by partition; no value is moved. Rows whose partition
/// can have no directory join the rejected ones.
///
/// # Errors
/// Fails when the partitioner was bound to another schema than the view's.
pub fn cut_by_partition(
    view: &View,
    partitioner: &Partitioner,
    rejected: &mut Vec<RejectedRow>,
) -> Result<Vec<(PartitionKey, Rows)>> {
    if view.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let inputs = partitioner.inputs().iter().map(|name| view.column(name));
    let inputs: Vec<ArrayRef> = inputs.collect::<Result<_>>()?;
    let mut parts = partitioner.split(&inputs, view.num_rows())?;
    let before = rejected.len();
    parts.retain(|(key, rows)| {
        let too_long = hive::name_too_long(key);
        rejected.extend(too_long.iter().flat_map(|name| without_directory(view, rows, name)));
        too_long.is_none()
    });
    // Rows of one record belong together, whatever partitions they are of.
    rejected[before..].sort_unstable_by_key(|rejected| rejected.row);
    let order: UInt32Array =
        parts.iter().flat_map(|(_, rows)| rows.values().iter().copied()).collect::<Vec<_>>().into();
    let (columns, groups) = view.select(&order, partitioner.file_columns())?;
    let selection = Selection::new(partitioner.file_schema(), columns, &groups, order.len())?;
    let mut all = Rows::all(selection);
    Ok(parts.into_iter().map(|(key, rows)| (key, all.split_first(rows.len()))).collect())
}

/// Rows of a partition whose directory would have too long a name.
fn without_directory(view: &View, rows: &UInt32Array, name: &str) -> Vec<RejectedRow> {
    let message = format!(
        "the row's partition `{}...` needs a directory name of {} bytes; file systems take {}",
        &name[..name.floor_char_boundary(60)],
        name.len(),
        hive::LONGEST_NAME_BYTES
    );
    let [stage, code, message] = ["sink", "partition-too-long", &message].map(Arc::from);
    let rejected = |row: &u32| RejectedRow {
        stage: Arc::clone(&stage),
        code: Arc::clone(&code),
        message: Arc::clone(&message),
        row: *row as usize,
        origin: view.origin(*row as usize),
    };
    rows.values().iter().map(rejected).collect()
}

/// Longest text of a rejected record that is kept, in bytes.
const KEPT_BYTES_OF_RECORD: usize = 1 << 20;

/// Text of rejected records that is kept of one batch, in bytes: rows of one large record each
/// repeat what stands around their element.
const KEPT_BYTES_OF_BATCH: usize = 64 << 20;

fn cut_record(rejected: &mut Rejected, limit: usize) {
    let record = &mut rejected.record;
    rejected.cut = record.len() > limit;
    if rejected.cut {
        let note = format!("... ({} bytes; its file has the rest)", record.len());
        record.truncate(record.floor_char_boundary(limit));
        record.push_str(&note);
    }
}

/// The rejected rows as they stood in their files. Rows of one record come together, so its
/// list is looked for once.
fn originals(source: &SourceBatch, rows: &[RejectedRow]) -> Vec<Rejected> {
    let mut originals = Vec::with_capacity(rows.len());
    let mut left = KEPT_BYTES_OF_BATCH;
    let of_one_record = |a: &RejectedRow, b: &RejectedRow| match (&a.origin, &b.origin) {
        (Some(a), Some(b)) => a.row == b.row,
        _ => false,
    };
    for rows in rows.chunk_by(of_one_record) {
        let origin = rows[0].origin.as_ref();
        let text = origin.map_or(Cow::Borrowed(""), |origin| source.record_text(origin.row));
        let list = origin.and_then(|origin| origin.element.as_ref()).map(|(path, _)| path);
        let elements = list.and_then(|path| {
            let path: Vec<_> = path.iter().map(String::as_str).collect();
            Elements::new(&text, &path)
        });
        for row in rows {
            let mut original = original(source, row, &text, elements.as_ref());
            cut_record(&mut original, left.min(KEPT_BYTES_OF_RECORD));
            left = left.saturating_sub(original.record.len());
            originals.push(original);
        }
    }
    originals
}

fn original(
    source: &SourceBatch,
    row: &RejectedRow,
    text: &str,
    elements: Option<&Elements<'_>>,
) -> Rejected {
    let (stage, code, message) =
        (row.stage.to_string(), row.code.to_string(), row.message.to_string());
    let place = row.origin.as_ref().map(|origin| &source.origins[origin.row]);
    let file = place.and_then(|place| source.files.get(place.file as usize).cloned());
    let position =
        row.origin.as_ref().and_then(|origin| origin.element.as_ref()).map(|(_, at)| *at);
    let alone = position.and_then(|at| elements?.record(usize::try_from(at).ok()?));
    let earlier = place.and_then(|place| place.slice.as_ref()).map_or(0, |(_, earlier)| *earlier);
    let unnarrowed = position.is_some() && alone.is_none();
    Rejected {
        stage,
        code,
        message,
        file: file.unwrap_or_default(),
        offset_bytes: place.map_or(0, |place| place.offset_bytes),
        element: position.map(|at| earlier + at),
        record: alone.unwrap_or_else(|| text.to_owned()),
        cut: false,
        shared: unnarrowed || row.origin.as_ref().is_some_and(|origin| origin.shared),
        replay_of: None,
    }
}
