//! Sandboxed transforms: components loaded, opened against a schema, and run on batches.
//!
//! All of wasmtime lives here. In reading order: [`Engine`], [`Component`] (a plugin's file,
//! checked), [`Chain`] (its stages opened on one worker), [`View`] (rows on their way, not
//! yet gathered). The host trusts nothing that comes out of a sandbox: `answer` checks
//! every answer before it is used.

mod answer;
mod bindings;
mod bound;
mod call;
mod chain;
mod component;
mod engine;
mod fields;
mod instance;
mod lift;
mod lower;
mod meter;
mod native;
pub mod standard;
mod unnest;
#[cfg(test)]
mod unnest_tests;
mod view;

pub use bindings::lockgate::transform::types as contract;
pub use chain::{
    Chain, ChainOutput, ConfiguredStage, Crossing, NOTED_SAMPLES, RejectedRow, StageSummary,
};
pub use component::{CONTRACT, Component, digest};
pub use contract::Metadata;
pub use engine::Engine;
pub use meter::StageCost;
pub use native::{NativePlugin, NativeStage};
pub use unnest::{Lineage, Narrow};
pub use view::{RowOrigin, Selected, View};
