//! Which files a relation has: names, sizes, times, and the values of columns that their paths tell.
//!
//! DuckDB lists what a pattern matches without opening a file; sizes and times come with the listing of a store (one request on S3),
//! and cost an opening elsewhere. So names are counted up to one limit, and sizes read up to a lower one, of an even sample beyond it. ETags are not
//! given by any function of DuckDB's: size and time tell versions of a file apart.

use std::collections::HashMap;

use arrow::datatypes::Schema;
use tavana_wire::Failure;
use tavana_wire::statistics::{FileStatistics, PartitionValue, RelationStatistics};

use super::rows::Rows;
use super::scan::{Scan, texts};
use crate::engine::Connection;

/// Names of files that are counted.
const NAMES: usize = 100_000;
/// Files whose sizes and times are read.
const SIZES: usize = 10_000;

/// Lists the files of a scan, with their sizes, times and partitions.
///
/// # Errors
/// What DuckDB says of the files.
pub(super) fn list(
    connection: &Connection,
    scan: &Scan,
    schema: &Schema,
    found: &mut RelationStatistics,
) -> Result<(), Failure> {
    let patterns = texts(&scan.patterns);
    let sql = format!("SELECT file FROM system.main.glob({patterns}) LIMIT {}", NAMES + 1);
    let mut names: Vec<String> = Rows::read(connection, &sql, &[])?.texts(0)?.into_iter().flatten().collect();
    if names.is_empty() {
        // Some addresses cannot be listed, and stand for themselves.
        names.clone_from(&scan.patterns);
    }
    if names.len() > NAMES {
        found.because.push(format!("there are more than {NAMES} files; no more are counted"));
        names.truncate(NAMES);
    }
    let count = names.len();
    let whole = (count <= SIZES).then_some(patterns);
    add(connection, sample(names, SIZES), whole, count, found)?;
    if scan.may_be_partitioned {
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        for file in &mut found.files {
            file.partitions = partitions(&file.name, &columns);
        }
    }
    Ok(())
}

/// Adds the sizes and times of files; `count` is how many there are, of which `names` may be a sample. `patterns` is a list, as
/// SQL, that matches just these; without it they are read by their names.
///
/// # Errors
/// What DuckDB says of the files.
pub(super) fn add(
    connection: &Connection,
    names: Vec<String>,
    patterns: Option<String>,
    count: usize,
    found: &mut RelationStatistics,
) -> Result<(), Failure> {
    found.file_count = count as u64;
    found.files = names.iter().map(|name| FileStatistics { name: name.clone(), ..FileStatistics::default() }).collect();
    let patterns =
        patterns.unwrap_or_else(|| texts(&names.into_iter().filter(|name| is_plain(name)).collect::<Vec<_>>()));
    if patterns == "[]" {
        return Ok(());
    }
    // The content is not read, because nobody asks for it.
    let sql = format!("SELECT filename, size, last_modified FROM system.main.read_blob({patterns})");
    let rows = Rows::read(connection, &sql, &[])?;
    let (sizes, times) = (rows.counts(1)?, rows.numbers(2)?);
    let names = rows.texts(0)?.into_iter().map(Option::unwrap_or_default);
    let known: HashMap<String, usize> = names.enumerate().map(|(row, name)| (name, row)).collect();
    for file in &mut found.files {
        if let Some(&row) = known.get(&file.name) {
            (file.bytes, file.modified_unix_us) = (sizes[row], times[row]);
        }
    }
    let sized: Vec<u64> = found.files.iter().filter_map(|file| file.bytes).collect();
    if sized.len() < count {
        found.is_sampled = true;
        found.because.push(format!("the sizes of {} of {count} files were read", sized.len()));
    }
    found.stored_bytes = (!sized.is_empty()).then(|| scaled(sized.iter().sum(), count as u64, sized.len() as u64));
    Ok(())
}

/// The values of columns in the folders of a path, as `year=2024/month=1/`.
fn partitions(path: &str, columns: &[&str]) -> Vec<PartitionValue> {
    let Some((folders, _)) = path.rsplit_once('/') else { return Vec::new() };
    let pairs = folders.split('/').filter_map(|folder| folder.split_once('='));
    let known = |name: &str| columns.iter().find(|column| column.eq_ignore_ascii_case(name));
    pairs
        .filter_map(|(name, value)| {
            let column = (*known(&decoded(name))?).to_owned();
            let value = (value != "__HIVE_DEFAULT_PARTITION__" && !value.is_empty()).then(|| decoded(value));
            Some(PartitionValue { column, value })
        })
        .collect()
}

/// A text whose bytes may be written as `%20`.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(plain).unwrap_or_else(|_| text.to_owned())
}

/// Whether a name is no pattern that could match others.
pub(super) fn is_plain(name: &str) -> bool {
    !name.contains(['*', '?', '['])
}

/// `limit` of the items, evenly spread; all when there are no more.
pub(super) fn sample<T>(items: Vec<T>, limit: usize) -> Vec<T> {
    let count = items.len();
    if count <= limit {
        return items;
    }
    let mut taken = 0;
    let is_next = |index: usize| {
        let is_next = taken < limit && index == taken * count / limit;
        taken += usize::from(is_next);
        is_next
    };
    let mut is_next = is_next;
    items.into_iter().enumerate().filter_map(|(index, item)| is_next(index).then_some(item)).collect()
}

/// A total of `part` items, scaled up to `whole` items.
pub(super) fn scaled(total: u64, whole: u64, part: u64) -> u64 {
    let scaled = u128::from(total) * u128::from(whole) / u128::from(part.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_the_values_of_columns() {
        let found = partitions(
            "s3://b/x=9/Year=2024/what=a%20b%2F/n=__HIVE_DEFAULT_PARTITION__/f=1.parquet",
            &["year", "what", "n", "f"],
        );
        let pair = |column: &str, value: Option<&str>| PartitionValue {
            column: column.to_owned(),
            value: value.map(str::to_owned),
        };
        assert_eq!(found, [pair("year", Some("2024")), pair("what", Some("a b/")), pair("n", None)]);
        assert_eq!(partitions("f.parquet", &["f"]), []);
        assert_eq!(decoded("100%é%zz%"), "100%é%zz%");
    }

    #[test]
    fn samples_are_even_and_totals_scaled() {
        assert_eq!(sample((0..10).collect(), 4), [0, 2, 5, 7]);
        assert_eq!(sample(vec![1, 2], 2), [1, 2]);
        assert_eq!(scaled(10, 3, 2), 15);
        assert_eq!(scaled(u64::MAX, 2, 1), u64::MAX);
        assert_eq!(scaled(0, 5, 0), 0);
    }
}
