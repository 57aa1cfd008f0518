//! A model of everything that may happen to a pipeline: sequences of arrivals, runs, crashes,
//! faults, swapped components and second runners, drawn at random, on every kind of store.
//!
//! After each event: what is visible is committed, whole, and stays; no file is consumed twice;
//! the counts add up; a micro-batch is the outcome of what was recorded when it began. After each
//! run that came to its end: what is committed is visible, and every row that arrived is there
//! once, as if nothing had happened.
//!
//! The sequences are the same each time; `PROPTEST_RNG_SEED=7` draws others. What fails is
//! shrunk to few events.

mod places;
mod runner;
mod turns;
mod world;

use crate::storage::fault::Fault;
use places::Kind;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed},
};
use world::{Event, World};

/// Sequences for each kind of store.
const SEQUENCES: u32 = 3_400;

fn config() -> Config {
    let mut config = Config { cases: SEQUENCES, failure_persistence: None, ..Config::default() };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(20_140_926);
    }
    config
}

/// Where a run of a few micro-batches breaks, and how. Listings are stale while it starts.
fn fault() -> impl Strategy<Value = Option<(u8, Fault)>> {
    let breaks = Fault::ALL.into_iter();
    let breaks = breaks.filter(|fault| !matches!(fault, Fault::Delay | Fault::StaleListing));
    option::weighted(
        0.8,
        prop_oneof![
            4 => (0..70_u8, select(breaks.collect::<Vec<_>>())),
            1 => (0..20_u8, Just(Fault::StaleListing)),
        ],
    )
}

fn event() -> impl Strategy<Value = Event> {
    let run = ([0..5_u8, 0..2_u8], fault());
    // Short turns, and some in which one stands still while the other goes far ahead.
    let turn = prop_oneof![4 => 1..40_u8, 1 => 100..=255_u8];
    let race = (0..9_u8, [fault(), fault()], vec(turn, 0..10));
    prop_oneof![
        1 => Just(Event::Swap),
        5 => run.prop_map(|(arrive, fault)| Event::Run { arrive, fault }),
        2 => race.prop_map(|(arrive, faults, turns)| Event::Race { arrive, faults, turns }),
    ]
}

fn holds(kind: Kind) {
    proptest!(config(), |(files_per_trigger in 1..4_usize, events in vec(event(), 1..7))| {
        let mut world = World::new(kind, files_per_trigger);
        for event in &events {
            world.happen(event);
        }
        world.come_to_rest();
    });
}

#[test]
fn any_sequence_of_events_leaves_every_row_once_where_files_are_renamed_under_a_lock() {
    holds(Kind::Locked);
}

#[test]
fn any_sequence_of_events_leaves_every_row_once_where_files_are_renamed_without_locks() {
    holds(Kind::Unlocked);
}

#[test]
fn any_sequence_of_events_leaves_every_row_once_where_uploads_are_completed() {
    holds(Kind::Uploads);
}
