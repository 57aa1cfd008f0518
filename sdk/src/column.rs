//! The columns of a batch: typed, checked views over the buffers the host sent.

use crate::{Booleans, Bytes, ColumnId, DataType, Error, Native, Part, Strings, Validity, Values};

/// One node of a column, in pre-order: the `array` record of the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Number of values.
    pub length: u32,
    /// Number of nulls among them.
    pub null_count: u32,
    /// Bit i is set where value i is present; empty when there are no nulls.
    pub validity: Vec<u8>,
    /// `length + 1` offsets of variable-width values, else empty.
    pub offsets: Vec<i32>,
    /// Fixed-width values, packed bits, or the bytes of strings.
    pub data: Vec<u8>,
}

/// One sent column: its type, how much of it was sent, and its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnData {
    pub(crate) data_type: DataType,
    pub(crate) part: Part,
    pub(crate) nodes: Vec<Node>,
}

impl ColumnData {
    /// A column of these nodes, or `None` when their number or sizes do not fit the type.
    #[must_use]
    pub fn new(data_type: DataType, part: Part, nodes: Vec<Node>) -> Option<Self> {
        let used = match part {
            Part::Full => check_nodes(&data_type, &nodes)?,
            Part::Validity | Part::Offsets => 1,
        };
        (used == nodes.len()).then_some(Self { data_type, part, nodes })
    }

    /// A column of which nothing was sent yet.
    pub(crate) fn unsent(data_type: DataType, part: Part) -> Self {
        Self { data_type, part, nodes: Vec::new() }
    }

    /// Takes as many nodes as its type has; whether they are there, and fit type and rows.
    fn fill(&mut self, rows: usize, nodes: &mut impl Iterator<Item = Node>) -> bool {
        let due = match self.part {
            Part::Full => node_count(&self.data_type),
            Part::Validity | Part::Offsets => 1,
        };
        self.nodes.extend(nodes.take(due));
        self.nodes.len() == due
            && self.nodes[0].length as usize == rows
            && (self.part != Part::Full || check_nodes(&self.data_type, &self.nodes).is_some())
    }
}

/// Checks a subtree's buffer sizes; gives how many nodes it takes.
fn check_nodes(data_type: &DataType, nodes: &[Node]) -> Option<usize> {
    let node = nodes.first()?;
    let length = node.length as usize;
    let buffers_fit = match data_type {
        DataType::Boolean => node.data.len() >= length.div_ceil(8),
        DataType::Utf8 | DataType::Binary => offsets_fit(node, node.data.len()),
        DataType::List(_) | DataType::Map(_) => offsets_fit(node, nodes.get(1)?.length as usize),
        other => other.width_bytes().is_none_or(|width| node.data.len() >= length * width),
    };
    let validity_fits = node.validity.is_empty() || node.validity.len() >= length.div_ceil(8);
    let mut used = 1;
    for child in data_type.children() {
        used += check_nodes(&child.data_type, nodes.get(used..)?)?;
    }
    (buffers_fit && validity_fits).then_some(used)
}

fn offsets_fit(node: &Node, end: usize) -> bool {
    node.offsets.len() == node.length as usize + 1
        && node.offsets.first() == Some(&0)
        && grow(&node.offsets)
        && node.offsets.last().is_some_and(|last| *last as usize <= end)
}

/// Whether no offset is less than the one before it. Where none is negative, no step from one to
/// the next has its sign bit set. 64 steps a round, for compilers to take several at a time:
/// WebAssembly pays for every round of a loop.
fn grow(mut offsets: &[i32]) -> bool {
    let mut signs = 0;
    while let Some(some) = offsets.first_chunk::<65>() {
        let steps = some[..64].iter().zip(&some[1..]);
        let step = |signs, (from, to): (&i32, &i32)| signs | to | to.wrapping_sub(*from);
        signs |= steps.fold(some[0], step);
        offsets = &offsets[64..];
    }
    signs >= 0 && offsets.is_sorted()
}

/// The rows of one call, with the columns the plan reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    rows: usize,
    watermark: Option<i64>,
    columns: Vec<ColumnData>,
}

impl Batch {
    /// A batch of these columns, in the order of the plan's reads.
    #[must_use]
    pub fn new(rows: usize, watermark: Option<i64>, columns: Vec<ColumnData>) -> Self {
        Self { rows, watermark, columns }
    }

    /// Puts the nodes of another call into its columns, which have none.
    ///
    /// # Errors
    /// Fails when the nodes are not those of these columns and rows.
    pub(crate) fn fill(
        &mut self,
        rows: usize,
        watermark: Option<i64>,
        mut nodes: impl Iterator<Item = Node>,
    ) -> Result<(), Error> {
        (self.rows, self.watermark) = (rows, watermark);
        for (i, column) in self.columns.iter_mut().enumerate() {
            if !column.fill(rows, &mut nodes) {
                return Err(Error::failed(format!(
                    "the host sent a malformed column for read {i}"
                )));
            }
        }
        match nodes.next() {
            None => Ok(()),
            Some(_) => Err(Error::failed("the host sent more columns than the plan reads")),
        }
    }

    /// Gives up all nodes.
    pub(crate) fn empty(&mut self) {
        self.columns.iter_mut().for_each(|column| column.nodes.clear());
    }

    /// Number of rows, after the plan's `unnest`.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Event time up to which input is complete, in microseconds since 1970.
    #[must_use]
    pub fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// The column a [`Plan::read`](crate::Plan::read) asked for.
    ///
    /// # Errors
    /// Fails when the id comes from another stage's plan.
    pub fn column(&self, id: ColumnId) -> Result<Column<'_>, Error> {
        let data = self
            .columns
            .get(id.0)
            .ok_or_else(|| Error::failed("a column was asked for that the plan does not read"))?;
        Ok(Column::of(data))
    }
}

/// A view of one column, or of one nested in it.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    data_type: &'a DataType,
    part: Part,
    nodes: &'a [Node],
}

impl<'a> Column<'a> {
    pub(crate) fn of(data: &'a ColumnData) -> Self {
        Self { data_type: &data.data_type, part: data.part, nodes: &data.nodes }
    }

    fn node(&self) -> &'a Node {
        // `ColumnData::new` refuses a column without nodes.
        &self.nodes[0]
    }

    /// Type of the values.
    #[must_use]
    pub fn data_type(&self) -> &'a DataType {
        self.data_type
    }

    /// Number of values.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a column is never asked whether it is empty")]
    pub fn len(&self) -> usize {
        self.node().length as usize
    }

    /// Which values are null.
    #[must_use]
    pub fn validity(&self) -> Validity<'a> {
        let node = self.node();
        Validity::new(&node.validity, node.null_count as usize)
    }

    /// Offsets of strings, lists or maps: value i spans `offsets[i]..offsets[i + 1]`.
    #[must_use]
    pub fn offsets(&self) -> &'a [i32] {
        &self.node().offsets
    }

    /// The values of a fixed-width column.
    ///
    /// # Errors
    /// Fails when the column has another type, or its values were not sent.
    pub fn values<T: Native>(&self) -> Result<Values<'a, T>, Error> {
        self.expect_full(T::holds(self.data_type), T::NAME)?;
        Ok(Values::new(&self.node().data, self.validity()))
    }

    /// The values of a `boolean` column.
    ///
    /// # Errors
    /// Fails when the column has another type, or its values were not sent.
    pub fn booleans(&self) -> Result<Booleans<'a>, Error> {
        self.expect_full(*self.data_type == DataType::Boolean, "boolean")?;
        Ok(Booleans::new(&self.node().data, self.validity()))
    }

    /// The values of a `string` column.
    ///
    /// # Errors
    /// Fails when the column has another type, or its values were not sent.
    pub fn strings(&self) -> Result<Strings<'a>, Error> {
        self.expect_full(*self.data_type == DataType::Utf8, "string")?;
        let node = self.node();
        let text = std::str::from_utf8(&node.data)
            .map_err(|_| Error::failed("the host sent a string column that is not UTF-8"))?;
        Ok(Strings::new(text, &node.offsets, self.validity()))
    }

    /// The bytes of a `string` or `binary` column, without a UTF-8 check.
    ///
    /// # Errors
    /// Fails when the column has another type, or its values were not sent.
    pub fn bytes(&self) -> Result<Bytes<'a>, Error> {
        let fits = matches!(self.data_type, DataType::Utf8 | DataType::Binary);
        self.expect_full(fits, "string or binary")?;
        let node = self.node();
        Ok(Bytes::new(&node.data, &node.offsets, self.validity()))
    }

    /// The values of a `binary(N)` column, one after the other, each of as many bytes as the
    /// type says.
    ///
    /// # Errors
    /// Fails when the column has another type, or its values were not sent.
    pub fn fixed_size_binary(&self) -> Result<&'a [u8], Error> {
        let fits = matches!(self.data_type, DataType::FixedSizeBinary(_));
        self.expect_full(fits, "binary of a fixed size")?;
        Ok(&self.node().data)
    }

    /// The elements of a list, or the entries of a map: value i is rows
    /// `offsets[i]..offsets[i + 1]` of it.
    ///
    /// # Errors
    /// Fails when the column has another type, or its values were not sent.
    pub fn elements(&self) -> Result<Column<'a>, Error> {
        let child = match self.data_type {
            DataType::List(element) | DataType::Map(element) => Some(&element.data_type),
            _ => None,
        };
        self.expect_full(child.is_some(), "list or map")?;
        let data_type = child.unwrap_or(self.data_type);
        Ok(Column { data_type, part: Part::Full, nodes: &self.nodes[1..] })
    }

    /// A member of a struct column. Nulls of the struct are not folded into it.
    ///
    /// # Errors
    /// Fails when the column is no struct, or has no such member.
    pub fn member(&self, name: &str) -> Result<Column<'a>, Error> {
        self.expect_full(matches!(self.data_type, DataType::Struct(_)), "struct")?;
        let mut at = 1;
        for field in self.data_type.children() {
            if field.name == name {
                let nodes = &self.nodes[at..];
                return Ok(Column { data_type: &field.data_type, part: Part::Full, nodes });
            }
            at += node_count(&field.data_type);
        }
        Err(Error::failed(format!("struct column has no member `{name}`")))
    }

    fn expect_full(&self, right_type: bool, wanted: &str) -> Result<(), Error> {
        if !right_type {
            let actual = self.data_type;
            return Err(Error::failed(format!("column of type {actual} was read as {wanted}")));
        }
        if self.part != Part::Full {
            return Err(Error::failed(
                "the plan reads only part of a column whose values are used",
            ));
        }
        Ok(())
    }
}

/// How many nodes a column of this type takes.
pub(crate) fn node_count(data_type: &DataType) -> usize {
    1 + data_type.children().iter().map(|field| node_count(&field.data_type)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::grow;

    #[test]
    fn offsets_that_fall_anywhere_are_noticed() {
        for length in [0, 1, 2, 63, 64, 65, 66, 129, 200] {
            let offsets: Vec<i32> = (0..length).map(|at| at / 2).collect();
            assert!(grow(&offsets));
            for at in 1..length as usize {
                let mut fallen = offsets.clone();
                fallen[at] = fallen[at - 1] - 1;
                assert!(!grow(&fallen), "{fallen:?}");
            }
        }
    }
}
