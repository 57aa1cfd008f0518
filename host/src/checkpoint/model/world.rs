//! The state of a sequence of events, and what must hold of it after each of them.

use super::{
    places::{Kind, Places},
    runner::{Outcome, Process, input, rows},
    turns::Turns,
};
use crate::{
    checkpoint::{
        hex_sha256,
        history::{History, Recorded},
        layout::TABLE,
    },
    diagnostic::Result,
    storage::{
        PENDING, Storage,
        fault::{Fault, Faults, is_injected},
    },
    types::{BatchId, CommitRecord, InputFile, OffsetRecord},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
};

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// Another component takes the place of the one that the pipeline file names.
    Swap,
    /// Files arrive, the pipeline runs, and more of them arrive after its first look.
    Run { arrive: [u8; 2], fault: Option<(u8, Fault)> },
    /// Files arrive, and it is run twice at once; turns are counted in storage operations.
    Race { arrive: u8, faults: [Option<(u8, Fault)>; 2], turns: Vec<u8> },
}

/// Stores, and everything that was ever true of them.
pub(super) struct World {
    kind: Kind,
    places: Places,
    files_per_trigger: usize,
    arrived: Vec<InputFile>,
    swaps: u32,
    pid: u32,
    /// What the last run changed, for listings that lag behind.
    last: Arc<Faults>,
    /// Offset records that were seen; they never change.
    begun: BTreeMap<BatchId, OffsetRecord>,
    /// Files that a reader has seen; they never change or go.
    visible: BTreeMap<String, Vec<u8>>,
    /// Losers of a race leave pending files behind that nobody waits for.
    raced: bool,
}

impl World {
    pub(super) fn new(kind: Kind, files_per_trigger: usize) -> Self {
        Self {
            kind,
            places: Places::new(kind),
            files_per_trigger,
            arrived: Vec::new(),
            swaps: 0,
            pid: 0,
            last: Faults::none(),
            begun: BTreeMap::new(),
            visible: BTreeMap::new(),
            raced: false,
        }
    }

    /// Lets an event happen, and looks at what is left.
    pub(super) fn happen(&mut self, event: &Event) {
        match event {
            Event::Swap => self.swaps += 1,
            Event::Run { arrive: [first, late], fault } => {
                self.arrive(*first);
                let faults = match *fault {
                    Some((at, fault)) => Faults::after(&self.last, at.into(), fault),
                    None => Faults::none(),
                };
                let (before, files) = (self.arrived.clone(), self.arrived.len());
                self.arrive(*late);
                let outcome = self.run(&faults, &[before, self.arrived.clone()]);
                match &outcome {
                    Ok(()) => {}
                    Err(failure) if is_injected(failure) => {}
                    Err(failure) => {
                        let is_stale = matches!(fault, Some((_, Fault::StaleListing)));
                        assert!(is_stale, "the run failed by itself: {failure}");
                    }
                }
                self.last = faults;
                self.check(outcome.is_ok().then_some(files));
            }
            Event::Race { arrive, faults, turns } => {
                self.arrive(*arrive);
                self.race(*faults, turns);
                self.check(None);
            }
        }
    }

    /// A last run that nothing disturbs.
    pub(super) fn come_to_rest(&mut self) {
        self.happen(&Event::Run { arrive: [0; 2], fault: None });
    }

    fn arrive(&mut self, files: u8) {
        let first = self.arrived.len() as u64;
        self.arrived.extend((first..first + u64::from(files)).map(input));
    }

    fn run(&mut self, faults: &Arc<Faults>, looks: &[Vec<InputFile>]) -> Result<()> {
        self.pid += 1;
        self.process(faults, looks, self.pid).run()
    }

    fn process<'a>(
        &self,
        faults: &Arc<Faults>,
        looks: &'a [Vec<InputFile>],
        pid: u32,
    ) -> Process<'a> {
        Process {
            checkpoint: faults.wrap(self.places.open("checkpoint")),
            sink: faults.wrap(self.places.open("table")),
            looks,
            files_per_trigger: self.files_per_trigger,
            component: component(self.swaps),
            pid,
        }
    }

    fn race(&mut self, faults: [Option<(u8, Fault)>; 2], turns: &[u8]) {
        let looks = [self.arrived.clone()];
        let turns = Turns::new(turns);
        thread::scope(|scope| {
            for (me, fault) in faults.into_iter().enumerate() {
                self.pid += 1;
                let pace = {
                    let turns = Arc::clone(&turns);
                    move || turns.wait(me)
                };
                let at = fault.map(|(at, fault)| (at.into(), fault));
                let process = self.process(&Faults::paced(at, pace), &looks, self.pid);
                let end = turns.end(me);
                scope.spawn(move || {
                    let _end = end;
                    // The loser is told so, and either may break: what counts is what they leave.
                    let _ = process.run();
                });
            }
        });
        self.last = Faults::none();
        self.raced |= self.kind != Kind::Locked;
    }

    /// Holds what is visible and what is recorded against each other. After a run that came to
    /// its end, nothing of that many files, the first to arrive, may be missing.
    fn check(&mut self, complete: Option<usize>) {
        let (checkpoint, sink) = (self.places.open("checkpoint"), self.places.open("table"));
        let (mut committed, mut consumed) = (BTreeMap::new(), BTreeSet::new());
        let mut history = History::open(&checkpoint).unwrap();
        for (number, recorded) in history.from(BatchId(0)).enumerate() {
            let Recorded { offsets, commit } = recorded.unwrap();
            assert_eq!(offsets.batch, BatchId(number as u64), "a gap in the logs");
            let before = self.begun.entry(offsets.batch).or_insert_with(|| offsets.clone());
            assert_eq!(*before, offsets, "an offset record changed");
            let Some(commit) = commit else { continue };
            self.check_commit(&offsets, &commit, &mut committed);
            for file in offsets.files {
                assert!(consumed.insert(file.path.clone()), "`{}` was consumed twice", file.path);
            }
        }
        let visible = visible(&sink);
        for (path, content) in &visible {
            assert_eq!(committed.get(path), Some(content), "`{path}` is visible");
        }
        for (path, content) in &self.visible {
            assert_eq!(visible.get(path), Some(content), "`{path}` was visible");
        }
        if let Some(files) = complete {
            assert!(visible.keys().eq(committed.keys()), "committed but not visible");
            self.check_rows(files, &visible, &consumed);
            if !self.raced {
                assert_eq!(sink.list(PENDING).unwrap(), [], "left pending");
            }
        }
        self.visible = visible;
    }

    /// A commit is the outcome of what its offset record says.
    fn check_commit(
        &self,
        offsets: &OffsetRecord,
        commit: &CommitRecord,
        committed: &mut BTreeMap<String, Vec<u8>>,
    ) {
        let mut components = (0..=self.swaps).map(component);
        let recorded = |name: &String| offsets.components == [hex_sha256(name.as_bytes())];
        let outcome =
            Outcome::of(offsets.batch, &offsets.files, &components.find(recorded).unwrap());
        let counted = commit.rows_written + commit.stages[0].filtered + commit.quarantined;
        assert_eq!((commit.rows_read, counted), (outcome.rows_read, outcome.rows_read));
        let recorded = commit.files.iter().chain(&commit.quarantine_file).map(|file| &file.path);
        let expected = || outcome.files.iter().chain(&outcome.quarantine);
        assert!(recorded.eq(expected().map(|(path, _)| path)), "{commit:?}");
        for (path, lines) in expected() {
            let text = lines.join("\n") + "\n";
            assert_eq!(committed.insert(path.clone(), text.into_bytes()), None, "{path} twice");
        }
    }

    fn check_rows(
        &self,
        files: usize,
        visible: &BTreeMap<String, Vec<u8>>,
        consumed: &BTreeSet<String>,
    ) {
        let (first, late) = self.arrived.split_at(files);
        let missed = first.iter().find(|file| !consumed.contains(&file.path));
        assert_eq!(missed, None, "not all is consumed");
        let late = late.iter().filter(|file| consumed.contains(&file.path));
        let mut found: Vec<u64> = visible.values().flat_map(|text| numbers(text)).collect();
        found.sort_unstable();
        let all = first.iter().chain(late).map(rows);
        let mut expected: Vec<u64> =
            all.flat_map(|(table, quarantine)| [table, quarantine]).flatten().collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "rows of the table and the quarantine");
    }
}

/// The component after so many swaps.
fn component(swaps: u32) -> String {
    format!("component {swaps}")
}

/// What a reader sees: the files of the table and the quarantine.
fn visible(sink: &Storage) -> BTreeMap<String, Vec<u8>> {
    let is_hidden = |path: &str| path.starts_with(PENDING) || path == TABLE;
    let listed = sink.list("").unwrap().into_iter().filter(|meta| !is_hidden(&meta.path));
    listed.map(|meta| (meta.path.clone(), sink.read(&meta.path).unwrap().unwrap())).collect()
}

/// The rows of a file: `row 7 by component 0`.
fn numbers(text: &[u8]) -> Vec<u64> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| line.split(' ').nth(1).unwrap().parse().unwrap()).collect()
}
