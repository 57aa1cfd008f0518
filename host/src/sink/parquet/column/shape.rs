//! Nested rows as Parquet sees them: for each leaf, a sequence of levels and values.
//!
//! | `list<struct<a>>` of a row | repetition | definition | value |
//! |---|---|---|---|
//! | null | 0 | 0 | |
//! | empty | 0 | 1 | |
//! | `[{a: 1}, null, {a: null}]` | 0 1 1 | 4 2 3 | 1 |
//!
//! Source: Melnik et al., "Dremel: Interactive Analysis of Web-Scale Datasets", section 4.

use super::{
    super::rows::{ColumnRows, NOWHERE},
    kind::Kind,
};
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::{DataType, Field, Fields};
use parquet::schema::types::ColumnDescriptor;

/// A column, or a part of one.
#[derive(Clone, Debug)]
pub(in super::super) struct Shape {
    nullable: bool,
    inside: Inside,
}

#[derive(Clone, Debug)]
enum Inside {
    /// The number of the leaf.
    Leaf(usize),
    Struct(Vec<Shape>),
    /// Of a list, or of a map: its entries.
    List(Box<Shape>),
}

/// A leaf column: what its values are, and its highest levels.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Leaf {
    pub(super) kind: Kind,
    pub(super) repetition: u8,
    pub(super) definition: u8,
}

impl Leaf {
    /// Whether a column of a file's schema is stored so.
    pub(in super::super) fn fits(&self, column: &ColumnDescriptor) -> bool {
        column.max_rep_level() == i16::from(self.repetition)
            && column.max_def_level() == i16::from(self.definition)
            && column.physical_type() == self.kind.physical
    }
}

/// The shapes of columns, and their leaves in the order of the files; `Err` has the type that
/// no file can hold.
pub(in super::super) fn shapes(fields: &Fields) -> Result<(Vec<Shape>, Vec<Leaf>), DataType> {
    let mut leaves = Vec::new();
    let shapes =
        fields.iter().map(|field| shape(field, 0, 0, &mut leaves)).collect::<Result<_, _>>()?;
    Ok((shapes, leaves))
}

fn shape(
    field: &Field,
    repetition: u8,
    definition: u8,
    leaves: &mut Vec<Leaf>,
) -> Result<Shape, DataType> {
    let nullable = field.is_nullable();
    let definition = definition + u8::from(nullable);
    let inside = match field.data_type() {
        DataType::Struct(members) => {
            let member = |member| shape(member, repetition, definition, leaves);
            Inside::Struct(members.iter().map(AsRef::as_ref).map(member).collect::<Result<_, _>>()?)
        }
        DataType::List(item) | DataType::Map(item, _) => {
            Inside::List(Box::new(shape(item, repetition + 1, definition + 1, leaves)?))
        }
        other => {
            let kind = Kind::of(other).ok_or_else(|| other.clone())?;
            leaves.push(Leaf { kind, repetition, definition });
            Inside::Leaf(leaves.len() - 1)
        }
    };
    Ok(Shape { nullable, inside })
}

/// What some rows are to a leaf.
pub(super) enum Run<'a> {
    /// Values of a column that is not nested.
    Rows(ColumnRows<'a>),
    /// Levels, and where the values are in the array.
    Nested { repetition: &'a [u8], definition: &'a [u8], values: &'a [usize] },
}

/// Places of rows in an array, as far as they are there.
struct Slots {
    repetition: Vec<u8>,
    definition: Vec<u8>,
    at: Vec<Option<usize>>,
}

impl Shape {
    /// Gives each leaf its part of these rows of a column.
    pub(super) fn visit<E>(
        &self,
        column: ColumnRows<'_>,
        visit: &mut dyn FnMut(usize, &ArrayRef, Run<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Inside::Leaf(leaf) = self.inside {
            return visit(leaf, column.array, Run::Rows(column));
        }
        let rows = column.numbers.iter();
        let slots = Slots {
            repetition: vec![0; rows.len()],
            definition: vec![0; rows.len()],
            at: rows.map(|row| (*row != NOWHERE).then_some(*row as usize)).collect(),
        };
        self.visit_slots(column.array, slots, 0, 0, visit)
    }

    fn visit_slots<E>(
        &self,
        array: &ArrayRef,
        mut slots: Slots,
        repetition: u8,
        definition: u8,
        visit: &mut dyn FnMut(usize, &ArrayRef, Run<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let definition = slots.define(array, self.nullable, definition);
        match &self.inside {
            Inside::Leaf(leaf) => {
                let values: Vec<_> = slots.at.into_iter().flatten().collect();
                let (repetition, definition) = (&slots.repetition, &slots.definition);
                visit(*leaf, array, Run::Nested { repetition, definition, values: &values })
            }
            Inside::Struct(members) => {
                let columns = array.as_struct().columns();
                members.iter().zip(columns).try_for_each(|(member, column)| {
                    let slots = Slots {
                        repetition: slots.repetition.clone(),
                        definition: slots.definition.clone(),
                        at: slots.at.clone(),
                    };
                    member.visit_slots(column, slots, repetition, definition, visit)
                })
            }
            Inside::List(item) => {
                let repetition = repetition + 1;
                let entries;
                let (offsets, items): (&[i32], &ArrayRef) = match array.as_map_opt() {
                    Some(maps) => {
                        entries = std::sync::Arc::new(maps.entries().clone()) as ArrayRef;
                        (maps.value_offsets(), &entries)
                    }
                    None => {
                        (array.as_list::<i32>().value_offsets(), array.as_list::<i32>().values())
                    }
                };
                let slots = slots.spread(offsets, repetition, definition + 1);
                item.visit_slots(items, slots, repetition, definition + 1, visit)
            }
        }
    }
}

impl Slots {
    /// Raises the level of what is there, and ends what is null; gives the level of the rest.
    fn define(&mut self, array: &ArrayRef, nullable: bool, definition: u8) -> u8 {
        if !nullable {
            return definition;
        }
        let nulls = array.nulls();
        let all_null = *array.data_type() == DataType::Null;
        for (level, at) in self.definition.iter_mut().zip(&mut self.at) {
            let Some(index) = *at else { continue };
            if all_null || nulls.is_some_and(|nulls| nulls.is_null(index)) {
                *at = None;
            } else {
                *level = definition + 1;
            }
        }
        definition + 1
    }

    /// One slot for each item; lists without any keep theirs, at the lower level.
    fn spread(self, offsets: &[i32], repetition: u8, definition: u8) -> Self {
        let mut spread = Self { repetition: vec![], definition: vec![], at: vec![] };
        for ((first, level), at) in self.repetition.iter().zip(self.definition).zip(self.at) {
            let items = at.map_or(0..0, |at| offsets[at] as usize..offsets[at + 1] as usize);
            spread.repetition.push(*first);
            if items.is_empty() {
                spread.definition.push(level);
                spread.at.push(None);
                continue;
            }
            let length = spread.repetition.len() + items.len() - 1;
            spread.repetition.resize(length, repetition);
            spread.definition.resize(length, definition);
            spread.at.extend(items.map(Some));
        }
        spread
    }
}
