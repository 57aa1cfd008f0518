//! One batch through one stage: unnest, call, check the answer, move rows, place columns.

use super::{
    Lineage, View,
    answer::Answer,
    bindings::lockgate::transform::types::{Batch, Disposition, RowResult},
    bound::{OutputColumn, Rows},
    chain::{Left, NOTED_SAMPLES, OpenStage, RejectedRow},
    lower,
    meter::returned_bytes,
    view::{ViewColumn, member},
};
use crate::{
    diagnostic::{Diagnostic, Result},
    pipeline::plan::OnFailure,
    types::StageRows,
};
use arrow_array::{ArrayRef, UInt32Array};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use std::{sync::Arc, time::Instant};

/// Calls that may fail while the rows at fault are looked for; each may cost the time limit.
const MAX_FAILED_CALLS: usize = 32;

/// Why rows are in the quarantine that make a plugin fail.
const PLUGIN_FAILED: &str = "plugin-failed";

/// Longest message of a rejection that is kept, in bytes.
const MAX_MESSAGE_BYTES: usize = 2_048;

impl OpenStage {
    /// Moves the view through this stage.
    ///
    /// # Errors
    /// Fails when the plugin fails twice and the stage's policy is to stop.
    pub(super) fn run(
        &mut self,
        view: &mut View,
        lineage: &Lineage,
        left: &mut Left,
    ) -> Result<StageRows> {
        let name: Arc<str> = Arc::from(self.configured.plan.name.as_str());
        let mut counts = StageRows {
            stage: name.to_string(),
            rows_in: view.rows as u64,
            ..StageRows::default()
        };
        if let Some(unnest) = &self.bound.unnest {
            let long = view.too_long_to_unnest(unnest)?;
            let message = Arc::from("its lists have more elements than a batch may have rows");
            let code = Arc::from("too-many-elements");
            for row in long.set_indices() {
                left.rejected.push(self.rejection(view, row, &code, &message));
            }
            counts.quarantined += long.count_set_bits() as u64;
            view.filter(&!&long)?;
            let before = view.rows;
            counts.filtered = view.unnest(unnest, lineage)?;
            counts.unnested = view.rows as i64 - before as i64 + counts.filtered as i64;
        }
        let answer = match self.call(view) {
            Ok(answer) => answer,
            Err(failure) => {
                let bad = self.rows_at_fault(view, failure, &mut left.rejected)?;
                counts.quarantined += bad.iter().filter(|bad| *bad).count() as u64;
                view.filter(&!&bad)?;
                match self.call(view) {
                    Ok(answer) => answer,
                    // No row alone was at fault: it is what they are together.
                    Err(failure) => {
                        counts.quarantined += view.rows as u64;
                        self.reject_all(view, &failure, &mut left.rejected)?;
                        Answer::nothing(&self.bound)
                    }
                }
            }
        };
        self.settle(view, answer, &mut counts, left)?;
        Ok(counts)
    }

    /// Calls the plugin, once more in a fresh instance when it fails.
    fn call(&mut self, view: &View) -> Result<Answer> {
        if !self.bound.is_called() || view.rows == 0 && self.bound.rows != Rows::Produce {
            return Ok(Answer::nothing(&self.bound));
        }
        self.call_once(view).or_else(|_| self.call_once(view))
    }

    fn reject_all(
        &self,
        view: &mut View,
        failure: &Diagnostic,
        rejected: &mut Vec<RejectedRow>,
    ) -> Result<()> {
        let (code, message) = (Arc::from(PLUGIN_FAILED), Arc::from(failure.to_string()));
        for row in 0..view.rows {
            rejected.push(self.rejection(view, row, &code, &message));
        }
        view.filter(&BooleanBuffer::new_unset(view.rows))
    }

    fn call_once(&mut self, view: &View) -> Result<Answer> {
        let reads = self.bound.reads.iter().map(|read| {
            let column = &view.columns[read.at.column];
            let array = member(&column.array, &read.at.members)?;
            view.gather(&ViewColumn { array, group: column.group })
        });
        let read: Vec<ArrayRef> = reads.collect::<Result<_>>()?;
        let start = self.cost.is_some().then(Instant::now);
        let mut nodes = Vec::new();
        for (array, read) in read.iter().zip(&self.bound.reads) {
            lower::column(array, read.part, &mut nodes)?;
        }
        let columns: Vec<_> = nodes.iter().map(lower::Node::as_param).collect();
        let batch = Batch { rows: view.rows as u32, watermark: None, columns: &columns };
        let mut instance = self.instance()?;
        let output = instance.process(batch)?;
        let bytes_out = if start.is_some() { returned_bytes(&output) } else { 0 };
        let plugin = self.configured.component.name();
        let rows_per_row = self.configured.plan.limits.rows_per_row;
        let answer = Answer::check(output, &self.bound, plugin, view.rows, rows_per_row)?;
        if let (Some(cost), Some(start)) = (&mut self.cost, start) {
            cost.add_call(start.elapsed(), instance.split());
            cost.rows += view.rows as u64;
            cost.bytes_in += nodes.iter().map(lower::Node::bytes).sum::<u64>();
            cost.bytes_out += bytes_out;
        }
        // Only an instance that kept every rule is used again.
        self.instance = Some(instance);
        Ok(answer)
    }

    /// Finds the rows that make the plugin fail, and rejects them.
    ///
    /// # Errors
    /// The failure itself, when the stage's policy is to stop.
    fn rows_at_fault(
        &mut self,
        view: &View,
        failure: Diagnostic,
        rejected: &mut Vec<RejectedRow>,
    ) -> Result<BooleanBuffer> {
        if self.configured.plan.on_failure == OnFailure::Stop {
            let name = &self.configured.plan.name;
            return Err(failure
                .context(format!("stage `{name}` failed twice on the same rows"))
                .at(&self.configured.plan.key));
        }
        let mut bad = vec![false; view.rows];
        let mut failed_calls = 0;
        let mut suspects = vec![(0..view.rows, Some(failure))];
        while let Some((range, known)) = suspects.pop() {
            let failure = match known {
                Some(failure) => failure,
                None => match self.call_range(view, &range) {
                    Ok(_) => continue,
                    Err(failure) => failure,
                },
            };
            failed_calls += 1;
            if range.len() > 1 && !self.bound.whole_batch && failed_calls < MAX_FAILED_CALLS {
                let middle = range.start + range.len() / 2;
                suspects.push((middle..range.end, None));
                suspects.push((range.start..middle, None));
                continue;
            }
            let message = Arc::from(failure.to_string());
            for row in range {
                bad[row] = true;
                rejected.push(self.rejection(view, row, &Arc::from(PLUGIN_FAILED), &message));
            }
        }
        Ok(BooleanBuffer::from(bad))
    }

    fn call_range(&mut self, view: &View, range: &std::ops::Range<usize>) -> Result<Answer> {
        let mut part = view.clone();
        part.apply(&UInt32Array::from_iter_values(range.start as u32..range.end as u32))?;
        self.call_once(&part)
    }

    fn rejection(
        &self,
        view: &View,
        row: usize,
        code: &Arc<str>,
        message: &Arc<str>,
    ) -> RejectedRow {
        let (code, message) = (Arc::clone(code), Arc::clone(message));
        let stage = Arc::from(self.configured.plan.name.as_str());
        RejectedRow { stage, code, message, row, origin: view.origin(row) }
    }

    /// Applies rejections, row decisions and edits.
    fn settle(
        &self,
        view: &mut View,
        answer: Answer,
        counts: &mut StageRows,
        left: &mut Left,
    ) -> Result<()> {
        let before = view.rows;
        let mut good = BooleanBufferBuilder::new(before);
        good.append_n(before, true);
        for rejection in &answer.rejections {
            let code = Arc::from(label(&rejection.code).as_str());
            let message = Arc::from(bounded(&rejection.message));
            for row in &rejection.rows {
                let row = *row as usize;
                match rejection.disposition {
                    Disposition::Note => {
                        if counts.noted < NOTED_SAMPLES as u64 {
                            left.noted.push(self.rejection(view, row, &code, &message));
                        }
                        counts.noted += 1;
                    }
                    Disposition::Quarantine if good.get_bit(row) => {
                        good.set_bit(row, false);
                        counts.quarantined += 1;
                        left.rejected.push(self.rejection(view, row, &code, &message));
                    }
                    Disposition::Quarantine => {}
                }
            }
        }
        let good = good.finish();
        let decides = matches!(answer.rows, RowResult::Same | RowResult::Keep(_))
            && self.bound.rows != Rows::Produce;
        match answer.rows {
            RowResult::Same if self.bound.rows == Rows::Produce => {
                view.replace_rows(0);
                self.place(view, &answer.columns)?;
            }
            RowResult::Same => {
                self.place(view, &answer.columns)?;
                view.filter(&good)?;
            }
            RowResult::Keep(bits) => {
                self.place(view, &answer.columns)?;
                let keep = BooleanBuffer::new(bits.into(), 0, before);
                view.filter(&(&keep & &good))?;
            }
            RowResult::Take(rows) => {
                let survives: BooleanBuffer =
                    rows.iter().map(|row| good.value(*row as usize)).collect();
                view.multiplied |= repeats(&rows, before);
                view.apply(&UInt32Array::from(rows))?;
                self.place(view, &answer.columns)?;
                view.filter(&survives)?;
            }
            RowResult::Produced(rows) => {
                view.replace_rows(rows as usize);
                self.place(view, &answer.columns)?;
            }
        }
        counts.rows_out = view.rows as u64;
        let unaccounted =
            counts.rows_in as i64 - counts.quarantined as i64 - counts.rows_out as i64;
        if decides {
            counts.filtered = (unaccounted + counts.unnested).unsigned_abs();
        } else {
            counts.unnested = counts.filtered as i64 - unaccounted;
        }
        Ok(())
    }

    /// Builds the output's column list: references and computed columns, no values moved.
    fn place(&self, view: &mut View, computed: &[ArrayRef]) -> Result<()> {
        let group = if computed.is_empty() { 0 } else { view.current_group() };
        let columns = self.bound.outputs.iter().map(|output| match output {
            OutputColumn::Input(i) => Ok(view.columns[*i].clone()),
            OutputColumn::Refer(at) => {
                let column = &view.columns[at.column];
                Ok(ViewColumn { array: member(&column.array, &at.members)?, group: column.group })
            }
            OutputColumn::Computed(i) => Ok(ViewColumn { array: Arc::clone(&computed[*i]), group }),
        });
        view.columns = columns.collect::<Result<Vec<_>>>()?;
        view.schema = Arc::clone(&self.bound.schema);
        Ok(())
    }
}

/// Whether a row is taken more than once.
fn repeats(taken: &[u32], rows: usize) -> bool {
    let mut seen = vec![false; rows];
    taken.iter().any(|row| std::mem::replace(&mut seen[*row as usize], true))
}

/// A code as a metric label: lower case, digits and dashes, at most 64 of them.
fn label(code: &str) -> String {
    let plain = code.chars().take(64).map(|c| {
        if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c.to_ascii_lowercase() } else { '-' }
    });
    let plain: String = plain.collect();
    if plain.is_empty() { "unnamed".to_owned() } else { plain }
}

fn bounded(message: &str) -> &str {
    let mut end = message.len().min(MAX_MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::repeats;

    #[test]
    fn rows_that_are_taken_twice_are_noticed() {
        for (taken, twice) in [(&[][..], false), (&[2, 0, 1], false), (&[1, 2, 1], true)] {
            assert_eq!(repeats(taken, 3), twice, "{taken:?}");
        }
    }
}
