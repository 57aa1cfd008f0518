//! What a lockgate plugin author imports.
//!
//! Implement [`Stage`], end the crate with [`export!`], and the crate is a sandboxed
//! component on `wasm32-unknown-unknown` and an ordinary library everywhere else, so its
//! logic is tested without a sandbox (see [`testing`]).
//!
//! In reading order: [`Stage`] (what you write), [`Schema`] (what `open` gets), [`Plan`]
//! (what `open` answers), [`Batch`] and [`Column`] (what `process` gets), [`Output`] and
//! the builders ([`Build`]) (what it answers).

mod build;
mod column;
mod output;
mod path;
mod plan;
mod schema;
mod stage;

pub use build::{
    Bitmap, BooleansBuilder, Build, Computed, ListsBuilder, StringsBuilder, ValuesBuilder, structs,
};
pub use column::{
    Batch, Booleans, Bytes, Column, ColumnData, Native, Node, Strings, Validity, Values,
};
pub use output::{Disposition, Output, Rejection, Rejections, RowResult};
pub use path::Path;
pub use plan::{ColumnId, Dependence, Edit, Element, Part, Plan, Read, RowShape, Unnest};
pub use schema::{DataType, Field, Schema, TimeUnit};
pub use stage::{About, Error, Stage};
pub use {schemars, serde};
