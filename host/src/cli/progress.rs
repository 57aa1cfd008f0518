//! Progress for a person, and for a machine.
//!
//! On a terminal: a bar for the micro-batch under way, and a line for each that is done;
//! elsewhere the lines alone. Records go to standard output or a file, one JSON object a line.

use super::terminal::Terminal;
use crate::{
    diagnostic::{Diagnostic, Result},
    metrics::{Observer, Progress},
    storage::Notices,
    types::BatchId,
};
use clap::Args;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How much to tell while a pipeline runs.
#[derive(Clone, Debug, Default, Args)]
pub struct ProgressArgs {
    /// Say nothing while all goes well
    #[arg(long)]
    no_progress: bool,
    /// Append a JSON record for each micro-batch, with the field names of Spark's
    /// `StreamingQueryProgress`; `-` is standard output
    #[arg(long, value_name = "FILE")]
    progress_json: Option<PathBuf>,
}

impl ProgressArgs {
    /// What listens to the run.
    ///
    /// # Errors
    /// Fails when the file for records cannot be opened.
    pub fn listener(&self, terminal: &Terminal) -> Result<Listener> {
        let records = match &self.progress_json {
            None => None,
            Some(path) if path.as_os_str() == "-" => Some(Records::Output),
            Some(path) => Some(Records::File(open(path)?)),
        };
        let bar = (terminal.is_interactive() && !self.no_progress).then(|| {
            let bar = ProgressBar::new(0);
            bar.set_style(style());
            bar
        });
        let terminal = terminal.clone();
        Ok(Listener {
            terminal,
            bar,
            lines: !self.no_progress,
            records: Mutex::new(records),
            batches: AtomicU64::new(0),
            on_rejected: Mutex::new(None),
        })
    }
}

fn open(path: &PathBuf) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
        Diagnostic::storage(format!("cannot open `{}` for progress records", path.display()))
            .cause(error)
            .hint("give a path whose directory exists, or `-` for standard output")
    })
}

fn style() -> ProgressStyle {
    let template = "{spinner} {msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}";
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

enum Records {
    Output,
    File(File),
}

/// Shows progress.
pub struct Listener {
    terminal: Terminal,
    bar: Option<ProgressBar>,
    lines: bool,
    records: Mutex<Option<Records>>,
    batches: AtomicU64,
    /// What to say when records are rejected; said once.
    on_rejected: Mutex<Option<String>>,
}

impl Listener {
    /// How many micro-batches are done.
    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// Has this said with the first micro-batch that rejects records.
    pub fn on_rejected(&self, line: String) {
        *self.on_rejected.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }

    /// Who is told when a store fails for now: whoever watches the run.
    pub fn notices(&self) -> Notices {
        let (bar, terminal) = (self.bar.clone(), self.terminal.clone());
        Arc::new(move |notice| warn(bar.as_ref(), &terminal, notice))
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.talk(line)),
            None => self.terminal.talk(line),
        }
    }

    fn record(&self, progress: &Progress) -> io::Result<()> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(records) = records.as_mut() else { return Ok(()) };
        let line = format!("{}\n", self.terminal.shown_json(serde_json::to_value(progress)?));
        match records {
            Records::Output => {
                let mut out = io::stdout().lock();
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            }
            Records::File(file) => file.write_all(line.as_bytes()),
        }
    }
}

impl Observer for Listener {
    fn batch_started(&self, batch: BatchId, files: u64, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(bytes);
            bar.set_message(format!("batch {}, {files} files", batch.0));
        }
    }

    fn bytes_read(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    fn batch_done(&self, progress: &Progress) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        if self.lines {
            self.line(&line_of(progress));
            if progress.num_quarantined_rows > 0 {
                let hint = self.on_rejected.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(hint) = hint {
                    self.line(&hint);
                }
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_message("waiting for files");
        }
        if let Err(error) = self.record(progress) {
            // The run is worth more than its record: the next one is tried again.
            let failure = Diagnostic::storage("cannot write a progress record").cause(error);
            self.warning(&failure);
        }
    }

    fn waiting(&self, _: Duration) {
        if let Some(bar) = &self.bar {
            bar.set_message("waiting for files");
            bar.tick();
        }
    }

    fn remark(&self, remark: &str) {
        if self.lines {
            self.line(remark);
        }
    }

    fn warning(&self, warning: &Diagnostic) {
        warn(self.bar.as_ref(), &self.terminal, warning);
    }
}

fn warn(bar: Option<&ProgressBar>, terminal: &Terminal, warning: &Diagnostic) {
    match bar {
        Some(bar) => bar.suspend(|| terminal.warn(warning)),
        None => terminal.warn(warning),
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `batch 3: 200 files, 305.2 MiB, 240000 rows in, 239400 out, 600 quarantined, 1.7 s`
fn line_of(progress: &Progress) -> String {
    let (files, bytes) = progress.sources.iter().fold((0, 0), |(files, bytes), source| {
        (files + source.num_input_files, bytes + source.num_input_bytes)
    });
    let what = match (progress.num_replayed_records, files) {
        (0, 1) => "1 file".into(),
        (0, _) => format!("{files} files"),
        (1, _) => "1 record put back".into(),
        (records, _) => format!("{records} records put back"),
    };
    format!(
        "batch {}: {what}, {}, {} rows in, {} out, {} quarantined, {:.1} s",
        progress.batch_id,
        HumanBytes(bytes),
        progress.num_input_rows,
        progress.sink.num_output_rows,
        progress.num_quarantined_rows,
        Duration::from_millis(progress.batch_duration).as_secs_f64(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::terminal::Colour,
        metrics::{SinkProgress, SourceProgress},
    };
    use std::fs;

    fn progress() -> Progress {
        let source =
            SourceProgress { num_input_files: 2, num_input_bytes: 3 << 20, ..Default::default() };
        let sink = SinkProgress { num_output_rows: 9, ..Default::default() };
        let sources = vec![source];
        Progress {
            batch_id: 3,
            batch_duration: 1_700,
            num_input_rows: 10,
            num_quarantined_rows: 1,
            sources,
            sink,
            ..Default::default()
        }
    }

    #[test]
    fn a_micro_batch_is_one_line() {
        assert_eq!(
            line_of(&progress()),
            "batch 3: 2 files, 3.00 MiB, 10 rows in, 9 out, 1 quarantined, 1.7 s"
        );
    }

    #[test]
    fn records_are_appended_to_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("progress.jsonl");
        let args = ProgressArgs { no_progress: true, progress_json: Some(path.clone()) };
        for _ in 0..2 {
            args.listener(&Terminal::new(Colour::Never)).unwrap().batch_done(&progress());
        }
        let text = fs::read_to_string(&path).unwrap();
        let records: Vec<Progress> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(records, [progress(), progress()]);
        let args = ProgressArgs { progress_json: Some(path.join("none")), ..args };
        assert!(args.listener(&Terminal::new(Colour::Never)).is_err());
    }
}
