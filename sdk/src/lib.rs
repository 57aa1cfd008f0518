//! What a lockgate plugin author imports.
//!
//! Implement [`Stage`], end the crate with [`export!`], and the crate is a sandboxed
//! component on `wasm32-unknown-unknown` and an ordinary library everywhere else, so its
//! logic is tested without a sandbox (see [`testing`]).
//!
//! In reading order: [`Stage`] (what you write), [`Schema`] (what `open` gets), [`Plan`]
//! (what `open` answers), [`Batch`] and [`Column`] (what `process` gets), [`Output`] and
//! the builders ([`Build`]) (what it answers).

// The generated bindings name this crate by its path from outside.
#[cfg(target_arch = "wasm32")]
extern crate self as lockgate_sdk;

#[cfg(target_arch = "wasm32")]
mod allocator;
mod build;
mod column;
mod config;
#[doc(hidden)]
pub mod export;
#[doc(hidden)]
#[cfg(any(target_arch = "wasm32", test))]
pub mod flat;
mod json;
mod opened;
mod output;
mod path;
mod plan;
mod schema;
mod stage;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod unnest;
mod values;

pub use build::{
    Bitmap, BooleansBuilder, Build, Computed, ListsBuilder, StringsBuilder, ValuesBuilder, structs,
};
pub use column::{Batch, Column, ColumnData, Node};
pub use opened::Opened;
pub use output::{Disposition, Output, Rejection, Rejections, RowResult};
pub use path::Path;
pub use plan::{ColumnId, Dependence, Edit, Element, Part, Plan, Read, RowShape, Unnest};
pub use schema::{DataType, Field, Schema, TimeUnit};
pub use stage::{About, Error, Stage};
pub use values::{Booleans, Bytes, Native, Strings, Validity, Values};
pub use {schemars, serde};
