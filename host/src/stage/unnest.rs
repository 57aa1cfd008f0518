//! One row per list element, done by the host from the list's offsets alone.

use super::{
    bound::{BoundElement, BoundUnnest, UnnestedColumn, without},
    view::{Trail, View, ViewColumn, gather_failed, member},
};
use crate::diagnostic::Result;
use arrow_array::{
    Array, ArrayRef, Int64Array, StringArray, StructArray, UInt32Array, cast::AsArray,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Schema};
use std::sync::Arc;

/// Elements that one batch may unnest to; records that would go over are quarantined.
const MAX_UNNESTED_ROWS: usize = 1 << 24;

/// Gives each element row its part of the rescued column.
///
/// Arguments: the rescued texts per parent, the parent of each row, the position of each row,
/// the path of the list, and the name of its elements.
pub type Narrow = fn(&StringArray, &[u32], &[u64], &str, &str) -> StringArray;

/// What the source knows that an unnest must respect.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// Name of the rescued column, and how to narrow it.
    pub rescued: Option<(Arc<str>, Narrow)>,
    /// For rows that are slices of one document's list: the list's column, and for each source
    /// row the number of elements in earlier slices.
    pub slices: Option<(Arc<str>, Vec<u64>)>,
}

/// A list or map as offsets over its elements.
struct Lists {
    group: usize,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
    elements: ArrayRef,
}

impl Lists {
    fn span(&self, row: Option<usize>) -> (usize, usize) {
        match row {
            Some(row) if self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) => {
                let start = self.offsets[row] as usize;
                (start, self.offsets[row + 1] as usize - start)
            }
            _ => (0, 0),
        }
    }
}

/// Rows of the unnested view, by number.
#[derive(Default)]
struct Expansion {
    parents: Vec<u32>,
    positions: Vec<u32>,
    /// False where an empty list was kept as a row.
    present: Vec<bool>,
    /// Rows without an element, which are not kept.
    dropped: u64,
}

impl View {
    /// Replaces each row by one row per element; gives how many rows had none and are gone.
    ///
    /// # Errors
    /// Fails when a list cannot be reached.
    pub(super) fn unnest(&mut self, plan: &BoundUnnest, lineage: &Lineage) -> Result<u64> {
        let lists = self.lists(plan)?;
        let expansion = self.expand(&lists, plan.keep_empty);
        let position = self.positions(&expansion, plan, lineage);
        let rescued = self.narrow_rescued(&expansion, plan, lineage)?;
        let element_rows: Vec<_> =
            lists.iter().map(|list| self.element_rows(list, &expansion)).collect();
        self.apply(&UInt32Array::from(expansion.parents))?;
        self.groups.push(None);
        let fresh = self.groups.len() - 1;
        let mut elements = Vec::with_capacity(lists.len());
        for (list, rows) in lists.into_iter().zip(element_rows) {
            let group = match rows {
                ElementRows::Contiguous(..) => fresh,
                ElementRows::Numbers(ref numbers) => {
                    self.groups.push(Some(numbers.clone()));
                    self.groups.len() - 1
                }
            };
            let array = match rows {
                ElementRows::Contiguous(start, length) => list.elements.slice(start, length),
                ElementRows::Numbers(_) => list.elements,
            };
            elements.push(ViewColumn { array, group });
        }
        self.multiplied |= self.trail.is_some() || plan.elements.len() > 1;
        if self.trail.is_none() {
            let present = NullBuffer::from(expansion.present);
            let array: ArrayRef =
                Arc::new(UInt32Array::new(expansion.positions.into(), Some(present)));
            let positions = ViewColumn { array, group: fresh };
            self.trail = Some(Trail { path: Arc::from(plan.elements[0].path.clone()), positions });
        }
        if let Some((index, array)) = rescued {
            self.columns[index] = ViewColumn { array: Arc::new(array), group: fresh };
        }
        let position = position.map(|array| ViewColumn { array, group: fresh });
        self.replace_columns(plan, &elements, position.as_ref())?;
        Ok(expansion.dropped)
    }

    /// The rows that would make the unnested batch longer than a batch may be.
    ///
    /// # Errors
    /// Fails when a list cannot be reached.
    pub(super) fn too_long_to_unnest(&self, plan: &BoundUnnest) -> Result<BooleanBuffer> {
        let lists = self.lists(plan)?;
        let mut left = MAX_UNNESTED_ROWS;
        let fits = |row: usize| {
            let longest = lists.iter().map(|list| list.span(self.row_in(list.group, row)).1).max();
            let fits = longest.unwrap_or(0) <= left;
            left -= if fits { longest.unwrap_or(0) } else { 0 };
            !fits
        };
        Ok((0..self.rows).map(fits).collect())
    }

    fn lists(&self, plan: &BoundUnnest) -> Result<Vec<Lists>> {
        let list = |element: &BoundElement| {
            let column = &self.columns[element.at.column];
            let array = member(&column.array, &element.at.members)?;
            Ok(as_lists(&array, column.group))
        };
        plan.elements.iter().map(list).collect()
    }

    fn expand(&self, lists: &[Lists], keep_empty: bool) -> Expansion {
        let mut expansion = Expansion::default();
        for row in 0..self.rows {
            let longest = lists.iter().map(|list| list.span(self.row_in(list.group, row)).1).max();
            let length = longest.unwrap_or(0);
            for position in 0..length {
                expansion.parents.push(row as u32);
                expansion.positions.push(position as u32);
                expansion.present.push(true);
            }
            if length == 0 && keep_empty {
                expansion.parents.push(row as u32);
                expansion.positions.push(0);
                expansion.present.push(false);
            }
            expansion.dropped += u64::from(length == 0 && !keep_empty);
        }
        expansion
    }

    fn element_rows(&self, list: &Lists, expansion: &Expansion) -> ElementRows {
        let mut numbers = Vec::with_capacity(expansion.parents.len());
        let mut present = Vec::with_capacity(expansion.parents.len());
        for (parent, position) in expansion.parents.iter().zip(&expansion.positions) {
            let (start, length) = list.span(self.row_in(list.group, *parent as usize));
            let here = (*position as usize) < length;
            numbers.push(if here { (start + *position as usize) as u32 } else { 0 });
            present.push(here);
        }
        let first = numbers.first().copied().unwrap_or(0);
        let all_present = present.iter().all(|present| *present);
        if all_present && numbers.iter().zip(first..).all(|(number, due)| *number == due) {
            return ElementRows::Contiguous(first as usize, numbers.len());
        }
        let nulls = (!all_present).then(|| NullBuffer::from(present));
        ElementRows::Numbers(UInt32Array::new(numbers.into(), nulls))
    }

    fn positions(
        &self,
        expansion: &Expansion,
        plan: &BoundUnnest,
        lineage: &Lineage,
    ) -> Option<ArrayRef> {
        plan.columns.iter().find(|column| matches!(column, UnnestedColumn::Position(_)))?;
        let slices = lineage.slices.as_ref().filter(|(column, _)| {
            self.trail.is_none()
                && plan.elements[0].path.iter().map(String::as_str).eq([column.as_ref()])
        });
        let earlier = |parent: u32| {
            let source = self.row_in(0, parent as usize);
            slices
                .zip(source)
                .and_then(|((_, earlier), row)| earlier.get(row))
                .copied()
                .unwrap_or(0)
        };
        let rows = expansion.parents.iter().zip(&expansion.positions).zip(&expansion.present);
        let positions = rows.map(|((parent, position), present)| {
            present.then(|| (earlier(*parent) + u64::from(*position)) as i64)
        });
        Some(Arc::new(positions.collect::<Int64Array>()))
    }

    fn narrow_rescued(
        &self,
        expansion: &Expansion,
        plan: &BoundUnnest,
        lineage: &Lineage,
    ) -> Result<Option<(usize, StringArray)>> {
        let Some((name, narrow)) = &lineage.rescued else { return Ok(None) };
        let Ok(index) = self.schema.index_of(name) else { return Ok(None) };
        let column = &self.columns[index];
        if column.array.null_count() == column.array.len()
            || *column.array.data_type() != DataType::Utf8
        {
            return Ok(None);
        }
        let texts = self.gather(column)?;
        let element = &plan.elements[0];
        let path = element.path.join(".");
        let positions: Vec<_> = expansion.positions.iter().map(|at| u64::from(*at)).collect();
        let parents = &expansion.parents;
        let narrowed =
            narrow(texts.as_string::<i32>(), parents, &positions, &path, element.field.name());
        Ok(Some((index, narrowed)))
    }

    fn replace_columns(
        &mut self,
        plan: &BoundUnnest,
        elements: &[ViewColumn],
        position: Option<&ViewColumn>,
    ) -> Result<()> {
        let mut columns = Vec::with_capacity(plan.columns.len());
        let mut fields = Vec::with_capacity(plan.columns.len());
        for column in &plan.columns {
            match column {
                UnnestedColumn::Input(i) => {
                    fields.push(Arc::clone(&self.schema.fields()[*i]));
                    columns.push(self.columns[*i].clone());
                }
                UnnestedColumn::Without(i, field) => {
                    let gone: Vec<_> =
                        plan.elements.iter().filter(|element| element.at.column == *i).collect();
                    let gone: Vec<_> =
                        gone.iter().map(|element| element.at.members.as_slice()).collect();
                    let array =
                        struct_without(&self.schema.fields()[*i], &self.columns[*i].array, &gone)?;
                    fields.push(Arc::clone(field));
                    columns.push(ViewColumn { array, group: self.columns[*i].group });
                }
                UnnestedColumn::Element(e) => {
                    fields.push(Arc::clone(&plan.elements[*e].field));
                    columns.push(elements[*e].clone());
                }
                UnnestedColumn::Position(field) => {
                    fields.push(Arc::clone(field));
                    columns.extend(position.cloned());
                }
            }
        }
        self.columns = columns;
        self.schema = Arc::new(Schema::new(fields));
        Ok(())
    }
}

enum ElementRows {
    /// Elements from here on, this many, in order.
    Contiguous(usize, usize),
    /// Element numbers, null where a shorter list was padded.
    Numbers(UInt32Array),
}

fn as_lists(array: &ArrayRef, group: usize) -> Lists {
    let nulls = array.nulls().cloned();
    if let Some(maps) = array.as_map_opt() {
        let elements: ArrayRef = Arc::new(maps.entries().clone());
        return Lists { group, offsets: maps.offsets().clone(), nulls, elements };
    }
    let lists = array.as_list::<i32>();
    Lists { group, offsets: lists.offsets().clone(), nulls, elements: Arc::clone(lists.values()) }
}

/// A struct column without the members at these paths; the other members are shared.
fn struct_without(field: &Field, array: &ArrayRef, paths: &[&[usize]]) -> Result<ArrayRef> {
    let structs = array.as_struct();
    let rest = without(field, paths);
    let (DataType::Struct(old), DataType::Struct(new)) = (field.data_type(), rest.data_type())
    else {
        return Ok(Arc::clone(array));
    };
    let mut members = Vec::with_capacity(new.len());
    for (i, (member_field, member)) in old.iter().zip(structs.columns()).enumerate() {
        let below: Vec<_> =
            paths.iter().filter(|path| path[0] == i).map(|path| &path[1..]).collect();
        if below.is_empty() {
            members.push(Arc::clone(member));
        } else if below.iter().all(|path| !path.is_empty()) {
            members.push(struct_without(member_field, member, &below)?);
        }
    }
    let (length, nulls) = (structs.len(), structs.nulls().cloned());
    let rebuilt = StructArray::try_new_with_length(new.clone(), members, nulls, length);
    Ok(Arc::new(rebuilt.map_err(|error| gather_failed(&error))?))
}
