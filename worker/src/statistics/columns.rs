//! Statistics of parts, joined into those of the whole.
//!
//! Values are texts: what is less depends on the type. Numbers are compared as numbers, all else as text, which is right for dates
//! and times as DuckDB writes them. Of parts one of which is not known, the whole is not known.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Schema};
use tavana_wire::statistics::ColumnStatistics;

/// How values of a column are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Number,
    Text,
    /// Parts of nested values and what has no order.
    None,
}

fn order(schema: &Schema, name: &str) -> Order {
    let field = schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name));
    match field.map(|field| field.data_type()) {
        Some(data_type) if data_type.is_numeric() => Order::Number,
        Some(
            DataType::Boolean
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Date32
            | DataType::Timestamp(..)
            | DataType::Time64(_),
        ) => Order::Text,
        _ => Order::None,
    }
}

/// The columns of a whole from those of its parts.
pub(super) fn joined<'a>(
    schema: &Schema,
    parts: impl Iterator<Item = &'a [ColumnStatistics]>,
) -> Vec<ColumnStatistics> {
    let mut whole: Vec<(ColumnStatistics, usize)> = Vec::new();
    let mut places: HashMap<&'a str, usize> = HashMap::new();
    let mut count = 0;
    for part in parts {
        count += 1;
        for column in part {
            match places.get(column.name.as_str()) {
                Some(&at) => {
                    let (joined, seen) = &mut whole[at];
                    join(joined, column, order(schema, &column.name));
                    *seen += 1;
                }
                None => {
                    places.insert(&column.name, whole.len());
                    whole.push((column.clone(), 1));
                }
            }
        }
    }
    let is_one = count == 1;
    let finish = |(mut column, seen): (ColumnStatistics, usize)| {
        // Different values of parts may be the same.
        column.distinct_count = column.distinct_count.filter(|_| is_one);
        // A part that lacks the column has nulls in it, as many as it has rows.
        column.null_count = column.null_count.filter(|_| seen == count);
        column
    };
    whole.into_iter().map(finish).collect()
}

fn join(whole: &mut ColumnStatistics, part: &ColumnStatistics, order: Order) {
    let min = extreme(whole.min.take(), part.min.as_deref(), order, false);
    let max = extreme(whole.max.take(), part.max.as_deref(), order, true);
    (whole.min, whole.max) = (min, max);
    whole.null_count = both(whole.null_count, part.null_count);
    whole.compressed_bytes = both(whole.compressed_bytes, part.compressed_bytes);
    whole.uncompressed_bytes = both(whole.uncompressed_bytes, part.uncompressed_bytes);
}

fn both(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.saturating_add(other?))
}

fn extreme(one: Option<String>, other: Option<&str>, order: Order, wants_greater: bool) -> Option<String> {
    let (one, other) = (one?, other?);
    let is_greater = match order {
        Order::None => return None,
        Order::Text => other > one.as_str(),
        Order::Number => match (other.parse::<i128>(), one.parse::<i128>()) {
            (Ok(other), Ok(one)) => other > one,
            _ => other.parse::<f64>().ok()? > one.parse::<f64>().ok()?,
        },
    };
    Some(if is_greater == wants_greater { other.to_owned() } else { one })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn parts_make_a_whole() {
        let schema = Schema::new(vec![
            Field::new("i", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
            Field::new("l", DataType::new_list(DataType::Int64, true), true),
        ]);
        let column = |name: &str, min: &str, max: &str, nulls| ColumnStatistics {
            name: name.to_owned(),
            min: Some(min.to_owned()),
            max: Some(max.to_owned()),
            null_count: nulls,
            distinct_count: Some(1),
            compressed_bytes: Some(7),
            ..ColumnStatistics::default()
        };
        let parts = [
            vec![
                column("i", "9", "9", Some(1)),
                column("s", "9", "9", None),
                column("l", "1", "1", Some(0)),
                column("only", "1", "1", Some(0)),
            ],
            vec![column("i", "-10", "10", Some(2)), column("s", "10", "10", Some(1)), column("l", "2", "2", Some(0))],
        ];
        let whole = joined(&schema, parts.iter().map(Vec::as_slice));
        let bounds: Vec<_> = whole.iter().map(|column| (column.min.as_deref(), column.max.as_deref())).collect();
        assert_eq!(bounds, [(Some("-10"), Some("10")), (Some("10"), Some("9")), (None, None), (Some("1"), Some("1"))]);
        let nulls: Vec<_> = whole.iter().map(|column| column.null_count).collect();
        assert_eq!(nulls, [Some(3), None, Some(0), None]);
        assert_eq!((whole[0].distinct_count, whole[0].compressed_bytes), (None, Some(14)));
        let one = joined(&schema, parts[..1].iter().map(Vec::as_slice));
        assert_eq!((one.len(), one[0].distinct_count), (4, Some(1)));
    }
}
