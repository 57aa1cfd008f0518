//! The config as users write it.

use lockgate_sdk::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Config of `flatten`; everything has a default.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The only column to flatten, a top-level struct; its members are named without its own
    /// name. Default: every struct, its members named with their full path.
    #[serde(default)]
    pub column: Option<Path>,
    /// What stands between the names of a path in the name of a column.
    #[serde(default = "underscore")]
    pub separator: String,
    /// How many levels of structs to take apart; deeper ones stay structs. Default: all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_depth: Option<u32>,
    /// Only these members come out: full paths, with `*` and `?` inside a name and `**` for any
    /// number of names; naming a struct means all of it. Default: all members.
    #[serde(default)]
    pub include: Vec<Path>,
    /// These members do not come out, even when `include` names them.
    #[serde(default)]
    pub exclude: Vec<Path>,
    /// These structs (and, with `maps = "json"`, maps) stay as they are.
    #[serde(default)]
    pub keep: Vec<Path>,
    /// What becomes of maps.
    #[serde(default)]
    pub maps: Maps,
    /// What happens when two columns would have the same name.
    #[serde(default)]
    pub on_collision: OnCollision,
}

/// What becomes of maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Maps {
    /// They stay maps.
    #[default]
    Keep,
    /// They become JSON text, `{"key":value,...}`, their keys in the order of the map.
    Json,
}

/// What happens when two columns would have the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnCollision {
    /// The first keeps the name; the others get `_2`, `_3` and so on.
    #[default]
    Suffix,
    /// The pipeline does not start.
    Error,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            column: None,
            separator: underscore(),
            max_depth: None,
            include: Vec::new(),
            exclude: Vec::new(),
            keep: Vec::new(),
            maps: Maps::default(),
            on_collision: OnCollision::default(),
        }
    }
}

fn underscore() -> String {
    "_".to_owned()
}
