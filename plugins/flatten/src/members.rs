//! Which members come out of which structs, in the order of the schema.

use crate::{
    config::{Config, Maps},
    names, pattern,
};
use lockgate_sdk::{DataType, Error, Field, Path, Schema};

/// At most this many paths are listed in a message.
const LISTED: usize = 20;

/// A column of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Where it is in the input.
    pub path: Path,
    /// The name it should have.
    pub name: String,
    /// Whether it becomes JSON text.
    pub is_json: bool,
    /// Whether it was a column already, and so keeps its name.
    pub is_present: bool,
}

/// The columns of the output, before name collisions are settled.
pub(crate) fn leaves(config: &Config, input: &Schema) -> Result<Vec<Leaf>, Error> {
    let mut walk = Walk {
        config,
        leaves: Vec::new(),
        members: Vec::new(),
        kept: Vec::new(),
        lost: Vec::new(),
    };
    for field in &input.fields {
        let path = Path::from_steps(&[&field.name]);
        if config.column.as_ref().is_none_or(|column| *column == path) {
            walk.column(&path, field);
        } else {
            walk.leaves.push(present(&path, false));
        }
    }
    walk.check_patterns()?;
    walk.check_lost()?;
    if walk.leaves.is_empty() && !input.fields.is_empty() {
        return Err(Error::config(
            "no column would be left; the structs have no members, or `exclude` names all of them",
        ));
    }
    Ok(walk.leaves)
}

fn present(path: &Path, is_json: bool) -> Leaf {
    Leaf { path: path.clone(), name: path.leaf().to_owned(), is_json, is_present: true }
}

struct Walk<'a> {
    config: &'a Config,
    leaves: Vec<Leaf>,
    /// Members that could come out, whether or not they do.
    members: Vec<Path>,
    /// Structs and maps that `keep` names.
    kept: Vec<Path>,
    /// Structs of which `include` names nothing.
    lost: Vec<Path>,
}

impl Walk<'_> {
    /// A top-level column that may be flattened.
    fn column(&mut self, path: &Path, field: &Field) {
        match &field.data_type {
            DataType::Struct(members) if !self.is_kept(path) => {
                let (members_before, leaves_before) = (self.members.len(), self.leaves.len());
                self.members(path, members);
                let has_members = self.members.len() > members_before;
                let selects_none = self.leaves.len() == leaves_before;
                if has_members && selects_none && !self.config.include.is_empty() {
                    self.lost.push(path.clone());
                }
            }
            _ => {
                let is_json = self.becomes_json(path, field);
                self.leaves.push(present(path, is_json));
            }
        }
    }

    fn members(&mut self, outer: &Path, members: &[Field]) {
        for member in members {
            let path = outer.join(&member.name);
            let depth = path.steps().len();
            let goes_on = self.config.max_depth.is_none_or(|max| depth <= max as usize);
            match &member.data_type {
                DataType::Struct(members) if goes_on && !self.is_kept(&path) => {
                    self.members(&path, members);
                }
                _ => self.leaf(path, member),
            }
        }
    }

    fn leaf(&mut self, path: Path, field: &Field) {
        let config = self.config;
        let covered = |patterns: &[Path]| patterns.iter().any(|p| pattern::covers(p, &path));
        let is_included = config.include.is_empty() || covered(&config.include);
        if is_included && !covered(&config.exclude) {
            let skipped = usize::from(config.column.is_some());
            let name = names::join(&path.steps()[skipped..], &config.separator);
            let is_json = self.becomes_json(&path, field);
            self.leaves.push(Leaf { path: path.clone(), name, is_json, is_present: false });
        }
        self.members.push(path);
    }

    fn becomes_json(&mut self, path: &Path, field: &Field) -> bool {
        self.config.maps == Maps::Json
            && matches!(field.data_type, DataType::Map(_))
            && !self.is_kept(path)
    }

    fn is_kept(&mut self, path: &Path) -> bool {
        let is_kept = self.config.keep.iter().any(|p| pattern::names(p, path));
        if is_kept {
            self.kept.push(path.clone());
        }
        is_kept
    }

    /// Refuses to lose a whole struct because `include` is about another one.
    fn check_lost(&self) -> Result<(), Error> {
        match self.lost.first() {
            Some(path) => Err(Error::config(format!(
                "`include` names no member of `{path}`, so all of it would be lost; name what to take of it, set `keep = [\"{path}\"]`, or name the one struct to flatten with `column`"
            ))),
            None => Ok(()),
        }
    }

    /// Refuses patterns that name nothing: they are misspelt.
    fn check_patterns(&self) -> Result<(), Error> {
        let Config { include, exclude, keep, max_depth, .. } = self.config;
        for (key, patterns) in [("include", include), ("exclude", exclude)] {
            let is_idle = |p: &&Path| !self.members.iter().any(|path| pattern::covers(p, path));
            if let Some(idle) = patterns.iter().find(is_idle) {
                let depth =
                    max_depth.map_or(String::new(), |max| format!(" down to `max_depth = {max}`"));
                return Err(Error::config(format!(
                    "`{key}`: `{idle}` names no member of a flattened struct{depth}; {}",
                    listed("the members are", &self.members)
                )));
            }
        }
        let is_idle = |p: &&Path| !self.kept.iter().any(|path| pattern::names(p, path));
        match keep.iter().find(is_idle) {
            Some(idle) => Err(Error::config(format!(
                "`keep`: `{idle}` names no struct or map that would be changed; {}",
                listed("the members are", &self.members)
            ))),
            None => Ok(()),
        }
    }
}

fn listed(what: &str, paths: &[Path]) -> String {
    if paths.is_empty() {
        return "there is none".to_owned();
    }
    let names: Vec<_> = paths.iter().take(LISTED).map(|path| format!("`{path}`")).collect();
    let more = if paths.len() > LISTED { ", ..." } else { "" };
    format!("{what} {}{more}", names.join(", "))
}

/// Checks that `column` is a top-level struct.
pub(crate) fn check_column(config: &Config, input: &Schema) -> Result<(), Error> {
    let Some(column) = &config.column else { return Ok(()) };
    let field = input.field(column)?;
    let structs: Vec<_> = input
        .fields
        .iter()
        .filter(|field| matches!(field.data_type, DataType::Struct(_)))
        .map(|field| Path::from_steps(&[&field.name]))
        .collect();
    let known = listed("structs of the input:", &structs)
        .replace("there is none", "the input has no structs");
    let next = match &field.data_type {
        DataType::Struct(_) => return check_is_top_level(column, &config.separator),
        DataType::List(_) => format!("explode it first; {known}"),
        DataType::Map(_) => format!(
            "`maps = \"json\"` makes text of maps, an explode stage makes rows of their entries; {known}"
        ),
        _ => known,
    };
    let data_type = field.data_type;
    Err(Error::config(format!("`{column}` is {data_type}, not a struct; {next}")))
}

fn check_is_top_level(column: &Path, separator: &str) -> Result<(), Error> {
    let [outer, inner @ ..] = column.steps() else { return Ok(()) };
    if inner.is_empty() {
        return Ok(());
    }
    let (outer, depth) = (Path::from_steps(&[outer]), inner.len());
    let inner = Path::from_steps(&[names::join(inner, separator)]);
    Err(Error::config(format!(
        "`{column}` lies inside a struct, and `column` takes a top-level column; use two flatten stages: first `column = \"{outer}\", max_depth = {depth}`, then `column = \"{inner}\"`"
    )))
}
