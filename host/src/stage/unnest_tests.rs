//! Unnesting on small batches, written as JSON would show them.

use super::{
    Lineage, View,
    bindings::lockgate::transform::types::{
        Dependence, Edit, Element, Plan, Reference, RowShape, Unnest,
    },
    bound::Bound,
};
use arrow_array::{
    Array, ArrayRef, Int64Array, ListArray, MapArray, RecordBatch, StringArray, StructArray,
    UInt32Array,
    cast::AsArray,
    types::{Int32Type, Int64Type},
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, Schema};
use std::sync::Arc;

fn path(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}

fn unnest(columns: &[(&str, &str)], keep_empty: bool, position: Option<&str>) -> Plan {
    let columns =
        columns.iter().map(|(column, name)| Element { column: path(column), name: (*name).into() });
    Plan {
        reads: Vec::new(),
        rows: RowShape::Unnest(Unnest {
            columns: columns.collect(),
            keep_empty,
            position: position.map(str::to_owned),
        }),
        edits: Vec::new(),
        dependence: Dependence::Row,
    }
}

fn ints(lists: &[Option<&[i32]>]) -> ArrayRef {
    let lists = lists.iter().map(|list| list.map(|list| list.iter().copied().map(Some)));
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn run(batch: &RecordBatch, plan: Plan, lineage: &Lineage) -> RecordBatch {
    let bound = Bound::new("test", plan, &batch.schema()).unwrap();
    let mut view = View::new(batch);
    view.unnest(bound.unnest.as_ref().unwrap(), lineage).unwrap();
    let gathered = view.gather_all(&(0..bound.schema.fields().len()).collect::<Vec<_>>()).unwrap();
    assert_eq!(gathered.schema(), bound.schema, "the bound schema is what comes out");
    gathered
}

fn column<T: arrow_array::ArrowPrimitiveType>(
    batch: &RecordBatch,
    name: &str,
) -> Vec<Option<T::Native>> {
    batch.column_by_name(name).unwrap().as_primitive::<T>().iter().collect()
}

fn sample() -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    batch(vec![("id", ids), ("xs", ints(&[Some(&[10, 11]), None, Some(&[]), Some(&[40])]))])
}

#[test]
fn every_element_becomes_a_row_and_the_rest_repeats() {
    let out = run(&sample(), unnest(&[("xs", "x")], false, Some("at")), &Lineage::default());
    assert_eq!(column::<Int64Type>(&out, "id"), [Some(1), Some(1), Some(4)]);
    assert_eq!(column::<Int32Type>(&out, "x"), [Some(10), Some(11), Some(40)]);
    assert_eq!(column::<Int64Type>(&out, "at"), [Some(0), Some(1), Some(0)]);
}

#[test]
fn keep_empty_keeps_a_row_of_nulls_for_null_and_empty_lists() {
    let out = run(&sample(), unnest(&[("xs", "xs")], true, Some("at")), &Lineage::default());
    assert_eq!(column::<Int64Type>(&out, "id"), [Some(1), Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(column::<Int32Type>(&out, "xs"), [Some(10), Some(11), None, None, Some(40)]);
    assert_eq!(column::<Int64Type>(&out, "at"), [Some(0), Some(1), None, None, Some(0)]);
}

#[test]
fn several_lists_are_zipped_and_the_shorter_padded() {
    let lists = batch(vec![
        ("a", ints(&[Some(&[1, 2, 3]), Some(&[])])),
        ("b", ints(&[Some(&[7]), Some(&[8, 9])])),
    ]);
    let out = run(&lists, unnest(&[("a", "a"), ("b", "b")], false, None), &Lineage::default());
    assert_eq!(column::<Int32Type>(&out, "a"), [Some(1), Some(2), Some(3), None, None]);
    assert_eq!(column::<Int32Type>(&out, "b"), [Some(7), None, None, Some(8), Some(9)]);
}

#[test]
fn values_hidden_under_a_null_list_stay_hidden() {
    let field = Arc::new(Field::new("item", DataType::Int64, true));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let nulls = Some(NullBuffer::from(vec![false, true]));
    let list = ListArray::new(field, OffsetBuffer::new(vec![0, 2, 3].into()), values, nulls);
    let out = run(
        &batch(vec![("xs", Arc::new(list))]),
        unnest(&[("xs", "x")], false, None),
        &Lineage::default(),
    );
    assert_eq!(column::<Int64Type>(&out, "x"), [Some(3)]);
}

fn nested() -> RecordBatch {
    let list = ints(&[Some(&[1, 2]), Some(&[3])]);
    let fields = Fields::from(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("xs", list.data_type().clone(), true),
    ]);
    let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let nulls = Some(NullBuffer::from(vec![true, false]));
    batch(vec![("s", Arc::new(StructArray::new(fields, vec![names, list], nulls)))])
}

#[test]
fn a_nested_list_leaves_its_struct_and_a_null_struct_has_no_elements() {
    let out = run(&nested(), unnest(&[("s.xs", "x")], false, None), &Lineage::default());
    assert_eq!(
        out.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        ["s", "x"]
    );
    assert_eq!(out.column(0).as_struct().num_columns(), 1);
    assert_eq!(column::<Int32Type>(&out, "x"), [Some(1), Some(2)]);
}

#[test]
fn a_map_gives_structs_of_key_and_value() {
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["k1", "k2", "k3"]));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let fields = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Int64, true),
    ]);
    let entries = StructArray::new(fields.clone(), vec![keys, values], None);
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    let map = MapArray::new(field, OffsetBuffer::new(vec![0, 1, 3].into()), entries, None, false);
    let out = run(
        &batch(vec![("m", Arc::new(map))]),
        unnest(&[("m", "entry")], false, None),
        &Lineage::default(),
    );
    let entry = out.column(0).as_struct();
    assert_eq!(
        entry.column(0).as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
        ["k1", "k2", "k3"]
    );
}

#[test]
fn positions_go_on_where_an_earlier_slice_of_the_document_ended() {
    let lineage = Lineage { rescued: None, slices: Some(("xs".into(), vec![100, 0, 0, 7])) };
    let out = run(&sample(), unnest(&[("xs", "x")], false, Some("at")), &lineage);
    assert_eq!(column::<Int64Type>(&out, "at"), [Some(100), Some(101), Some(7)]);
}

#[test]
fn rows_keep_their_origin_through_unnest_and_filter() {
    let plan = unnest(&[("xs", "x")], false, None);
    let bound = Bound::new("test", plan, &sample().schema()).unwrap();
    let mut view = View::new(&sample());
    view.unnest(bound.unnest.as_ref().unwrap(), &Lineage::default()).unwrap();
    view.filter(&[false, true, true].into_iter().collect()).unwrap();
    let origins: Vec<_> = (0..2).map(|row| view.origin(row).unwrap()).collect();
    assert_eq!(origins.iter().map(|origin| origin.row).collect::<Vec<_>>(), [0, 3]);
    let elements: Vec<_> =
        origins.iter().map(|origin| origin.element.as_ref().unwrap().1).collect();
    assert_eq!(elements, [1, 0]);
    assert!(origins.iter().all(|origin| !origin.shared), "the element alone tells each row");
    view.multiplied = true;
    assert!(view.origin(0).unwrap().shared);
}

#[test]
fn an_array_row_decision_moves_every_column_alike() {
    let mut view = View::new(&sample());
    view.apply(&UInt32Array::from(vec![3, 0, 0])).unwrap();
    view.apply(&UInt32Array::from(vec![1, 0])).unwrap();
    let out = view.gather_all(&[0, 1]).unwrap();
    assert_eq!(column::<Int64Type>(&out, "id"), [Some(1), Some(4)]);
    assert_eq!(out.column(1).as_list::<i32>().value(1).len(), 1);
}

#[test]
fn plans_that_cannot_be_carried_out_are_refused() {
    let refer = |name: &str, to: &str| Edit::Refer(Reference { name: name.into(), path: path(to) });
    let keep = |edits| Plan {
        reads: Vec::new(),
        rows: RowShape::Keep,
        edits,
        dependence: Dependence::Row,
    };
    for (plan, says) in [
        (unnest(&[], false, None), "unnests no column"),
        (unnest(&[("id", "x")], false, None), "neither list nor map"),
        (unnest(&[("no", "x")], false, None), "no column `no`"),
        (unnest(&[("xs", "id")], false, None), "two columns `id`"),
        (unnest(&[("xs", "x")], false, Some("id")), "two columns `id`"),
        (keep(vec![Edit::Drop("no".into())]), "drops `no`"),
        (keep(vec![refer("a", "id.b")]), "no column `id.b`"),
        (Plan { rows: RowShape::Produce, ..keep(vec![]) }, "needs `clear`"),
        (Plan { dependence: Dependence::Sequence, ..keep(vec![]) }, "earlier batches"),
    ] {
        let refusal = Bound::new("test", plan, &sample().schema()).unwrap_err();
        assert!(refusal.to_string().contains(says), "{refusal}");
    }
}

#[test]
fn edits_apply_in_order_and_paths_mean_the_input() {
    let refer = |name: &str, to: &str| Edit::Refer(Reference { name: name.into(), path: path(to) });
    let edits = vec![refer("xs", "id"), refer("new", "xs"), Edit::Drop("id".into())];
    let plan = Plan { reads: Vec::new(), rows: RowShape::Keep, edits, dependence: Dependence::Row };
    let bound = Bound::new("test", plan, &sample().schema()).unwrap();
    let schema = Schema::clone(&bound.schema);
    let names: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| (field.name().as_str(), field.data_type().is_nested()))
        .collect();
    assert_eq!(names, [("xs", false), ("new", true)]);
}
