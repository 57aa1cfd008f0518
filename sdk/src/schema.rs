//! Schemas as a plugin sees them: a tree of fields, and its flat form in the contract.
//!
//! Owns the data types of the contract and their format strings; knows nothing of values.
//!
//! | [`DataType`] | format | | [`DataType`] | format |
//! |---|---|---|---|---|
//! | `Boolean` | `b` | | `Decimal128(10, 2)` | `d:10,2` |
//! | `Int64` | `l` | | `Date32` | `tdD` |
//! | `Float64` | `g` | | `Timestamp(Microsecond, Some("UTC"))` | `tsu:UTC` |
//! | `Utf8` | `u` | | `Duration(Second)` | `tDs` |
//! | `Struct(..)` | `+s` | | `List(..)` / `Map(..)` | `+l` / `+m` |
//!
//! The strings are those of the Arrow C data interface:
//! <https://arrow.apache.org/docs/format/CDataInterface.html#data-type-description-format-strings>.

use crate::{Error, Path};
use std::fmt;

/// Unit of a [`DataType::Timestamp`] or [`DataType::Duration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Second,
    /// Milliseconds.
    Millisecond,
    /// Microseconds.
    Microsecond,
    /// Nanoseconds.
    Nanosecond,
}

impl TimeUnit {
    fn letter(self) -> char {
        match self {
            Self::Second => 's',
            Self::Millisecond => 'm',
            Self::Microsecond => 'u',
            Self::Nanosecond => 'n',
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        Some(match letter {
            "s" => Self::Second,
            "m" => Self::Millisecond,
            "u" => Self::Microsecond,
            "n" => Self::Nanosecond,
            _ => return None,
        })
    }

    /// How many of this unit make one second.
    #[must_use]
    pub fn per_second(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Millisecond => 1_000,
            Self::Microsecond => 1_000_000,
            Self::Nanosecond => 1_000_000_000,
        }
    }
}

/// Type of a column, in one of the normal forms of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Arrow's own")]
pub enum DataType {
    Null,
    Boolean,
    Int8,
    UInt8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    Float32,
    Float64,
    Utf8,
    Binary,
    /// Binary values of this many bytes each.
    FixedSizeBinary(u32),
    /// Precision and scale; values are 16-byte integers.
    Decimal128(u8, i8),
    /// Days since 1970-01-01.
    Date32,
    /// Unit since the epoch, and the time zone name, if any.
    Timestamp(TimeUnit, Option<String>),
    Duration(TimeUnit),
    Struct(Vec<Field>),
    /// The field of the elements.
    List(Box<Field>),
    /// The field of the entries: a struct of a key and a value.
    Map(Box<Field>),
}

impl DataType {
    /// Format string in the contract; nested types give only their own node.
    #[must_use]
    pub fn format(&self) -> String {
        match self {
            Self::Null => "n".into(),
            Self::Boolean => "b".into(),
            Self::Int8 => "c".into(),
            Self::UInt8 => "C".into(),
            Self::Int16 => "s".into(),
            Self::UInt16 => "S".into(),
            Self::Int32 => "i".into(),
            Self::UInt32 => "I".into(),
            Self::Int64 => "l".into(),
            Self::UInt64 => "L".into(),
            Self::Float32 => "f".into(),
            Self::Float64 => "g".into(),
            Self::Utf8 => "u".into(),
            Self::Binary => "z".into(),
            Self::FixedSizeBinary(width) => format!("w:{width}"),
            Self::Decimal128(precision, scale) => format!("d:{precision},{scale}"),
            Self::Date32 => "tdD".into(),
            Self::Timestamp(unit, zone) => {
                format!("ts{}:{}", unit.letter(), zone.as_deref().unwrap_or(""))
            }
            Self::Duration(unit) => format!("tD{}", unit.letter()),
            Self::Struct(_) => "+s".into(),
            Self::List(_) => "+l".into(),
            Self::Map(_) => "+m".into(),
        }
    }

    /// The type of a format string with these child fields.
    ///
    /// # Errors
    /// Fails for a format outside the contract or a wrong number of children.
    pub fn from_format(format: &str, mut children: Vec<Field>) -> Result<Self, Error> {
        let unknown = || Error::input(format!("unknown format `{format}` in the input schema"));
        let mut only_child = || {
            let child = children.pop().ok_or_else(unknown)?;
            if children.is_empty() { Ok(Box::new(child)) } else { Err(unknown()) }
        };
        Ok(match format {
            "n" => Self::Null,
            "b" => Self::Boolean,
            "c" => Self::Int8,
            "C" => Self::UInt8,
            "s" => Self::Int16,
            "S" => Self::UInt16,
            "i" => Self::Int32,
            "I" => Self::UInt32,
            "l" => Self::Int64,
            "L" => Self::UInt64,
            "f" => Self::Float32,
            "g" => Self::Float64,
            "u" => Self::Utf8,
            "z" => Self::Binary,
            "tdD" => Self::Date32,
            "+s" => Self::Struct(children),
            "+l" => Self::List(only_child()?),
            "+m" => Self::Map(only_child()?),
            _ => return Self::from_parametric_format(format).ok_or_else(unknown),
        })
    }

    fn from_parametric_format(format: &str) -> Option<Self> {
        if let Some(width) = format.strip_prefix("w:") {
            return Some(Self::FixedSizeBinary(width.parse().ok()?));
        }
        if let Some(decimal) = format.strip_prefix("d:") {
            let (precision, scale) = decimal.split_once(',')?;
            return Some(Self::Decimal128(precision.parse().ok()?, scale.parse().ok()?));
        }
        if let Some(unit) = format.strip_prefix("tD") {
            return Some(Self::Duration(TimeUnit::from_letter(unit)?));
        }
        let (unit, zone) = format.strip_prefix("ts")?.split_once(':')?;
        let zone = (!zone.is_empty()).then(|| zone.to_owned());
        Some(Self::Timestamp(TimeUnit::from_letter(unit)?, zone))
    }

    /// The fields nested in this type, in order.
    #[must_use]
    pub fn children(&self) -> &[Field] {
        match self {
            Self::Struct(fields) => fields,
            Self::List(field) | Self::Map(field) => std::slice::from_ref(field),
            _ => &[],
        }
    }

    /// Bytes of one value of a fixed-width type; `None` for bits, variable width and nested types.
    #[must_use]
    pub fn width_bytes(&self) -> Option<usize> {
        Some(match self {
            Self::Int8 | Self::UInt8 => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 | Self::Date32 => 4,
            Self::Int64
            | Self::UInt64
            | Self::Float64
            | Self::Timestamp(..)
            | Self::Duration(_) => 8,
            Self::Decimal128(..) => 16,
            Self::FixedSizeBinary(width) => *width as usize,
            _ => return None,
        })
    }
}

/// Prints the type as users write it in a pipeline file: `array<struct<id: bigint>>`.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean => f.write_str("boolean"),
            Self::Int8 => f.write_str("tinyint"),
            Self::Int16 => f.write_str("smallint"),
            Self::Int32 => f.write_str("int"),
            Self::Int64 => f.write_str("bigint"),
            Self::UInt8 => f.write_str("uint8"),
            Self::UInt16 => f.write_str("uint16"),
            Self::UInt32 => f.write_str("uint32"),
            Self::UInt64 => f.write_str("uint64"),
            Self::Float32 => f.write_str("float"),
            Self::Float64 => f.write_str("double"),
            Self::Utf8 => f.write_str("string"),
            Self::Binary => f.write_str("binary"),
            Self::FixedSizeBinary(width) => write!(f, "binary({width})"),
            Self::Decimal128(precision, scale) => write!(f, "decimal({precision}, {scale})"),
            Self::Date32 => f.write_str("date"),
            Self::Timestamp(_, Some(_)) => f.write_str("timestamp"),
            Self::Timestamp(_, None) => f.write_str("timestamp_ntz"),
            Self::Duration(_) => f.write_str("duration"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", field.name, field.data_type)?;
                }
                f.write_str(">")
            }
            Self::List(element) => write!(f, "array<{}>", element.data_type),
            Self::Map(entries) => match entries.data_type.children() {
                [key, value] => write!(f, "map<{}, {}>", key.data_type, value.data_type),
                _ => f.write_str("map"),
            },
        }
    }
}

/// A named column, or a member of a nested one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, unique among its siblings.
    pub name: String,
    /// Type of the values.
    pub data_type: DataType,
    /// Whether a value may be null.
    pub nullable: bool,
    /// Free key-value pairs that travel with the field.
    pub metadata: Vec<(String, String)>,
}

impl Field {
    /// A nullable field without metadata.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self { name: name.into(), data_type, nullable: true, metadata: Vec::new() }
    }

    /// The same field, never null.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.nullable = false;
        self
    }
}

/// The columns of a stage's input, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Top-level fields.
    pub fields: Vec<Field>,
}

impl Schema {
    /// A schema of these columns.
    #[must_use]
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// The field at a path, nullable when it or any enclosing struct is.
    ///
    /// # Errors
    /// Names the missing step, and the names that exist there.
    pub fn field(&self, path: &Path) -> Result<Field, Error> {
        let mut fields = self.fields.as_slice();
        let mut found: Option<Field> = None;
        for (depth, step) in path.steps().iter().enumerate() {
            let Some(field) = fields.iter().find(|field| field.name == *step) else {
                return Err(missing(path, depth, fields));
            };
            let nullable = field.nullable || found.as_ref().is_some_and(|outer| outer.nullable);
            found = Some(Field { nullable, ..field.clone() });
            fields = match &field.data_type {
                DataType::Struct(members) => members,
                _ => &[],
            };
        }
        found.ok_or_else(|| Error::config("an empty column path names nothing"))
    }

    /// Whether there is a top-level column of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }
}

fn missing(path: &Path, depth: usize, fields: &[Field]) -> Error {
    let within = Path::from_steps(&path.steps()[..depth]);
    let step = &path.steps()[depth];
    if fields.is_empty() && depth > 0 {
        return Error::input(format!("column `{within}` has no members, so there is no `{path}`"));
    }
    let mut names = String::new();
    for field in fields.iter().take(40) {
        names.push_str(if names.is_empty() { "`" } else { ", `" });
        names.push_str(&field.name);
        names.push('`');
    }
    let place = if depth == 0 { "the input".to_owned() } else { format!("`{within}`") };
    Error::input(format!("no column `{step}` in {place}; it has {names}"))
}
