//! `lockgate status`: what a pipeline has committed, what is in flight, and who runs it.
//!
//! Owns the words and the JSON; looks from outside and changes nothing, so it may be asked
//! while the pipeline runs.

use super::{Failures, load, terminal::Terminal};
use crate::{
    checkpoint::{self, Survey},
    clock,
    diagnostic::{Diagnostic, Result},
    pipeline::plan::Plan,
    run::{self, Stores},
    sink::quarantine,
    storage::PENDING,
    types::{CommitRecord, OffsetRecord},
};
use clap::Args;
use indicatif::HumanBytes;
use serde_json::{Value, json};
use std::{fmt::Write as _, path::PathBuf};

/// Arguments of `lockgate status`.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// The pipeline file
    pipeline: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs `lockgate status`.
///
/// # Errors
/// As [`status`]; and everything that is wrong with the pipeline file.
pub(super) fn run(args: &StatusArgs, terminal: &Terminal) -> Result<(), Failures> {
    let plan = load(&args.pipeline, terminal)?;
    let status = status(&plan, &Stores::open(&plan, &terminal.notices())?)?;
    let shown = if args.json {
        format!("{:#}\n", terminal.shown_json(status.json()))
    } else {
        status.text()
    };
    Ok(terminal.data(&shown)?)
}

/// What `lockgate status` shows.
#[derive(Clone, Debug)]
pub struct Status {
    pipeline: String,
    checkpoint: String,
    table: String,
    survey: Survey,
    /// Why the pipeline would not start.
    problem: Option<Diagnostic>,
    pending_files: usize,
    pending_bytes: u64,
    /// How the user named the pipeline file.
    file: String,
    quarantine_files: usize,
    quarantine_bytes: u64,
}

/// Looks at the checkpoint and the table of a pipeline.
///
/// # Errors
/// Fails when a record is damaged or has a newer format, and when a store refuses.
pub fn status(plan: &Plan, stores: &Stores) -> Result<Status> {
    let survey = checkpoint::survey(&stores.checkpoint)?;
    let problem = run::would_start(plan, stores, &survey).err();
    let pending = stores.sink.list(PENDING)?;
    let quarantine = stores.sink.list(quarantine::DIRECTORY)?;
    Ok(Status {
        pipeline: plan.name.clone(),
        checkpoint: plan.checkpoint.clone(),
        table: plan.sink.root.clone(),
        survey,
        problem,
        pending_files: pending.len(),
        pending_bytes: pending.iter().map(|meta| meta.size_bytes).sum(),
        file: plan.text.path.display().to_string(),
        quarantine_files: quarantine.len(),
        quarantine_bytes: quarantine.iter().map(|meta| meta.size_bytes).sum(),
    })
}

impl Status {
    /// For a person: one line a fact.
    pub fn text(&self) -> String {
        let survey = &self.survey;
        let since = match &survey.identity {
            None => "never run".to_owned(),
            Some(identity) if identity.name != self.pipeline => {
                format!("the checkpoint belongs to pipeline `{}`", identity.name)
            }
            Some(identity) => format!("since {}", clock::utc(identity.created_us)),
        };
        let runner = survey.runner.as_ref().map(checkpoint::who);
        let mut lines = vec![
            ("pipeline", format!("{} ({since})", self.pipeline)),
            ("checkpoint", self.checkpoint.clone()),
            ("table", self.table.clone()),
            ("runner", runner.unwrap_or_else(|| self.nobody().into())),
            ("committed", survey.last_commit.as_ref().map_or("nothing yet".into(), committed)),
            ("in flight", self.in_flight()),
            ("pending", count(self.pending_files as u64, "file", self.pending_bytes)),
            ("quarantine", self.quarantine()),
        ];
        if let Some(problem) = &self.problem {
            lines.push(("problem", problem.to_string()));
            lines.extend(problem.hints.iter().map(|hint| ("hint", hint.clone())));
        }
        lines.iter().fold(String::new(), |mut text, (name, fact)| {
            let _ = writeln!(text, "{name:<12}{fact}");
            text
        })
    }

    fn quarantine(&self) -> String {
        let files = count(self.quarantine_files as u64, "file", self.quarantine_bytes);
        if self.quarantine_files == 0 {
            return files;
        }
        let (table, directory) = (self.table.trim_end_matches('/'), quarantine::DIRECTORY);
        format!("{files} in {table}/{directory}; see `lockgate quarantine list {}`", self.file)
    }

    /// Whether whoever runs the pipeline shows: only directories have locks.
    fn has_locks(&self) -> bool {
        !self.checkpoint.contains("://") || self.checkpoint.starts_with("file://")
    }

    fn nobody(&self) -> &'static str {
        if self.has_locks() { "none" } else { "unknown: this store has no locks" }
    }

    fn in_flight(&self) -> String {
        let Some(begun) = &self.survey.begun else { return "nothing".into() };
        let (files, bytes) = read_by(begun);
        let noun = if begun.replay.is_some() { "rejected record" } else { "file" };
        let what = format!(
            "micro-batch {}, begun {}, reads {}",
            begun.batch.0,
            clock::utc(begun.written_us),
            count(files, noun, bytes)
        );
        if self.survey.runner.is_some() {
            return what;
        }
        let who = checkpoint::who(&begun.runner);
        if self.has_locks() {
            return format!("{what}; left by {who}, the next run replays it");
        }
        format!("{what}; by {who}, unless that ended: then the next run replays it")
    }

    /// For a machine: one JSON object.
    pub fn json(&self) -> Value {
        let survey = &self.survey;
        json!({
            "pipeline": self.pipeline,
            "id": survey.identity.as_ref().map(|identity| &identity.id),
            "created_us": survey.identity.as_ref().map(|identity| identity.created_us),
            "checkpoint": self.checkpoint,
            "table": self.table,
            "runner": survey.runner,
            "last_commit": survey.last_commit.as_ref().map(|commit| json!({
                "batch": commit.batch,
                "written_us": commit.written_us,
                "rows_read": commit.rows_read,
                "rows_written": commit.rows_written,
                "files": commit.files.len(),
                "bytes": written_bytes(commit),
                "quarantined": commit.quarantined,
                "stages": commit.stages,
            })),
            "in_flight": survey.begun.as_ref().map(|begun| json!({
                "batch": begun.batch,
                "written_us": begun.written_us,
                "files": read_by(begun).0,
                "bytes": read_by(begun).1,
                "runner": begun.runner,
            })),
            "quarantine": { "files": self.quarantine_files, "bytes": self.quarantine_bytes },
            "pending": { "files": self.pending_files, "bytes": self.pending_bytes },
            "problem": self.problem.as_ref().map(ToString::to_string),
        })
    }
}

fn committed(commit: &CommitRecord) -> String {
    format!(
        "micro-batch {}, {}: {} rows read, {} written to {}, {} quarantined",
        commit.batch.0,
        clock::utc(commit.written_us),
        commit.rows_read,
        commit.rows_written,
        count(commit.files.len() as u64, "file", written_bytes(commit)),
        commit.quarantined
    )
}

fn written_bytes(commit: &CommitRecord) -> u64 {
    commit.files.iter().map(|file| file.size_bytes).sum()
}

fn read_by(offsets: &OffsetRecord) -> (u64, u64) {
    (offsets.files.len() as u64, offsets.files.iter().map(|file| file.size_bytes).sum())
}

fn count(number: u64, noun: &str, bytes: u64) -> String {
    match number {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun} ({})", HumanBytes(bytes)),
        _ => format!("{number} {noun}s ({})", HumanBytes(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checkpoint::Identity,
        diagnostic::Diagnostic,
        types::{BatchId, InputFile, PendingFile, PendingHandle, Runner},
    };

    const NOON_US: i64 = 1_795_348_800_000_000;

    fn never_run() -> Status {
        Status {
            pipeline: "payments".into(),
            checkpoint: "/data/checkpoint".into(),
            table: "/data/table".into(),
            survey: Survey::default(),
            problem: None,
            pending_files: 0,
            pending_bytes: 0,
            file: "payments.toml".into(),
            quarantine_files: 0,
            quarantine_bytes: 0,
        }
    }

    fn running() -> Status {
        let runner = Runner { host: "north".into(), pid: 77, started_us: NOON_US };
        let file = InputFile { path: "a".into(), size_bytes: 2048, modified_us: 0, etag: None };
        let written = PendingFile {
            path: "p".into(),
            handle: PendingHandle::Rename { path: "q".into() },
            rows: 8,
            size_bytes: 300,
            event_time_us: None,
        };
        let survey = Survey {
            identity: Some(Identity {
                id: "0000".into(),
                name: "payments".into(),
                created_us: NOON_US - 86_400_000_000,
            }),
            runner: Some(runner.clone()),
            last_commit: Some(CommitRecord {
                batch: BatchId(12),
                skipped: Vec::new(),
                files: vec![written.clone(), written],
                rows_read: 20,
                rows_written: 16,
                source_rejected: 1,
                stages: Vec::new(),
                quarantined: 4,
                quarantine_file: None,
                watermark_us: None,
                runner: runner.clone(),
                written_us: NOON_US + 1_000_000,
            }),
            begun: Some(OffsetRecord {
                batch: BatchId(13),
                position: None,
                files: vec![file],
                components: Vec::new(),
                config_hash: String::new(),
                replay: None,
                read_again: Vec::new(),
                watermark_us: None,
                runner,
                written_us: NOON_US + 2_000_000,
            }),
            refusal: None,
        };
        let quarantined = Status { quarantine_files: 2, quarantine_bytes: 3 << 10, ..never_run() };
        Status { survey, pending_files: 3, pending_bytes: 1 << 20, ..quarantined }
    }

    #[test]
    fn a_pipeline_that_never_ran_says_so() {
        insta::assert_snapshot!(never_run().text(), @r"
        pipeline    payments (never run)
        checkpoint  /data/checkpoint
        table       /data/table
        runner      none
        committed   nothing yet
        in flight   nothing
        pending     no files
        quarantine  no files
        ");
        assert_eq!(never_run().json()["last_commit"], Value::Null);
    }

    #[test]
    fn a_running_pipeline_shows_what_is_committed_and_what_is_in_flight() {
        insta::assert_snapshot!(running().text(), @r"
        pipeline    payments (since 2026-11-21 12:00:00Z)
        checkpoint  /data/checkpoint
        table       /data/table
        runner      process 77 on host `north`, running since 2026-11-22 12:00:00Z
        committed   micro-batch 12, 2026-11-22 12:00:01Z: 20 rows read, 16 written to 2 files (600 B), 4 quarantined
        in flight   micro-batch 13, begun 2026-11-22 12:00:02Z, reads 1 file (2.00 KiB)
        pending     3 files (1.00 MiB)
        quarantine  2 files (3.00 KiB) in /data/table/_lockgate/quarantine; see `lockgate quarantine list payments.toml`
        ");
        let json = running().json();
        assert_eq!(
            (&json["last_commit"]["batch"], &json["in_flight"]["files"]),
            (&json!(12), &json!(1))
        );
        assert_eq!(json["runner"]["pid"], 77);
    }

    #[test]
    fn a_micro_batch_that_a_dead_runner_left_says_what_happens_next() {
        let mut stopped = running();
        stopped.survey.runner = None;
        let text = stopped.text();
        assert!(text.contains("left by process 77 on host `north`"), "{text}");
        assert!(text.contains("the next run replays it\n"), "{text}");
    }

    #[test]
    fn logs_that_contradict_each_other_are_shown_with_what_to_do() {
        let mut broken = never_run();
        broken.problem =
            Some(Diagnostic::storage("the logs contradict each other").hint("put them back"));
        let text = broken.text();
        assert!(
            text.ends_with(
                "problem     the logs contradict each other\nhint        put them back\n"
            )
        );
        assert_eq!(broken.json()["problem"], "the logs contradict each other");
    }
}
