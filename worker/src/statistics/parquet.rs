//! What footers of Parquet files tell.
//!
//! First each file of an even sample tells how many rows and row groups it has; then as many of them are read in full as keep to a
//! limit on column chunks. What lies beyond is scaled up by the sizes of the files.

use std::collections::HashMap;

use arrow::datatypes::Schema;
use tavana_wire::Failure;
use tavana_wire::statistics::{ColumnStatistics, FileStatistics, RelationStatistics, RowGroupStatistics};

use super::columns::joined;
use super::files::{is_plain, sample, scaled};
use super::rows::Rows;
use super::scan::{Scan, texts};
use crate::engine::Connection;

/// Files whose footers are read.
const FOOTERS: usize = 256;
/// Column chunks that are read of all footers together.
const CHUNKS: usize = 200_000;

/// Reads footers into the files that `found` lists, and sums them up.
///
/// # Errors
/// What DuckDB says of the files.
pub(super) fn look(
    connection: &Connection,
    scan: &Scan,
    schema: &Schema,
    found: &mut RelationStatistics,
) -> Result<(), Failure> {
    let names = found.files.iter().map(|file| file.name.clone()).filter(|name| is_plain(name)).collect();
    let names = sample(names, FOOTERS);
    // A name that looks like a pattern can be read by the pattern of the statement only.
    let is_whole = found.file_count as usize <= FOOTERS;
    let groups = count(connection, &if is_whole { texts(&scan.patterns) } else { texts(&names) }, found)?;
    let counted = groups.len();
    let chosen = choose(groups, CHUNKS / schema.fields().len().max(1));
    if !chosen.is_empty() {
        chunks(connection, &chosen, found)?;
    }
    sum_up(schema, found);
    if (chosen.len() as u64) < found.file_count {
        scale_up(counted, chosen.len(), found);
    }
    Ok(())
}

/// An even sample of files that have no more than `budget` row groups together, but one at least.
fn choose(files: Vec<(String, usize)>, budget: usize) -> Vec<String> {
    let total: usize = files.iter().map(|(_, groups)| groups).sum();
    let count = if total <= budget { files.len() } else { (files.len() * budget / total).max(1) };
    let files = sample(files, count);
    let mut left = budget;
    let fits = |index: usize, groups: usize| {
        let fits = index == 0 || groups <= left;
        left = left.saturating_sub(if fits { groups } else { 0 });
        fits
    };
    let mut fits = fits;
    let chosen = files.into_iter().enumerate().filter(|(index, (_, groups))| fits(*index, *groups));
    chosen.map(|(_, (name, _))| name).collect()
}

/// Reads how many rows the files have; gives their names and how many row groups each has.
fn count(
    connection: &Connection,
    files: &str,
    found: &mut RelationStatistics,
) -> Result<Vec<(String, usize)>, Failure> {
    let sql = format!("SELECT file_name, num_rows, num_row_groups FROM system.main.parquet_file_metadata({files})");
    let rows = Rows::read(connection, &sql, &[])?;
    let names: Vec<String> = rows.texts(0)?.into_iter().map(Option::unwrap_or_default).collect();
    let (counts, groups) = (rows.counts(1)?, rows.counts(2)?);
    let places = places(found);
    for (name, rows) in names.iter().zip(counts) {
        if let Some(&at) = places.get(name) {
            found.files[at].rows = rows;
        }
    }
    let groups = groups.into_iter().map(|groups| groups.and_then(|groups| usize::try_from(groups).ok()));
    Ok(names.into_iter().zip(groups.map(Option::unwrap_or_default)).collect())
}

fn places(found: &RelationStatistics) -> HashMap<String, usize> {
    found.files.iter().enumerate().map(|(at, file)| (file.name.clone(), at)).collect()
}

/// Reads the column chunks of files.
fn chunks(connection: &Connection, files: &[String], found: &mut RelationStatistics) -> Result<(), Failure> {
    let sql = format!(
        "SELECT file_name, row_group_id, row_group_num_rows, path_in_schema,
            CASE WHEN stats_min_value IS NULL THEN stats_min ELSE stats_min_value END,
            CASE WHEN stats_max_value IS NULL THEN stats_max ELSE stats_max_value END,
            stats_null_count, stats_distinct_count, total_compressed_size, total_uncompressed_size
        FROM system.main.parquet_metadata({})",
        texts(files)
    );
    let rows = Rows::read(connection, &sql, &[])?;
    let (names, paths, mins, maxes) = (rows.texts(0)?, rows.texts(3)?, rows.texts(4)?, rows.texts(5)?);
    let counts: Result<Vec<_>, Failure> = [1, 2, 6, 7, 8, 9].iter().map(|&column| rows.counts(column)).collect();
    let counts = counts?;
    let (mut last, places) = (None, places(found));
    for row in 0..rows.len() {
        let name = names[row].as_deref().unwrap_or_default();
        let Some(file) = places.get(name).and_then(|&at| found.files.get_mut(at)) else { continue };
        if last != Some((name, counts[0][row])) {
            last = Some((name, counts[0][row]));
            let rows = counts[1][row].unwrap_or_default();
            file.row_groups.push(RowGroupStatistics { rows, columns: Vec::new() });
        }
        let column = ColumnStatistics {
            name: paths[row].clone().unwrap_or_default(),
            min: mins[row].clone(),
            max: maxes[row].clone(),
            null_count: counts[2][row],
            distinct_count: counts[3][row],
            compressed_bytes: counts[4][row],
            uncompressed_bytes: counts[5][row],
            ..ColumnStatistics::default()
        };
        if let Some(group) = file.row_groups.last_mut() {
            group.columns.push(column);
        }
    }
    Ok(())
}

/// Sums row groups up into files, and files into the relation.
fn sum_up(schema: &Schema, found: &mut RelationStatistics) {
    for file in &mut found.files {
        file.columns = joined(schema, file.row_groups.iter().map(|group| group.columns.as_slice()));
    }
    let read = found.files.iter().filter(|file| !file.row_groups.is_empty());
    found.columns = joined(schema, read.map(|file| file.columns.as_slice()));
    let counted: Vec<u64> = found.files.iter().filter_map(|file| file.rows).collect();
    found.has_exact_rows = counted.len() as u64 == found.file_count;
    found.rows = (!counted.is_empty()).then(|| counted.iter().sum());
}

/// Scales the sums of a sample up to the whole, by bytes where sizes are known.
fn scale_up(counted: usize, read: usize, found: &mut RelationStatistics) {
    let whole = found.file_count;
    found.is_sampled = true;
    found.because.push(format!("the footers of {counted} of {whole} files were read, those of {read} in full"));
    let bytes = |is_wanted: fn(&FileStatistics) -> bool| -> u64 {
        found.files.iter().filter(|file| is_wanted(file)).filter_map(|file| file.bytes).sum()
    };
    let factor = |part: u64, count: usize| match found.stored_bytes {
        Some(all) if part > 0 => (all, part),
        _ => (whole, count as u64),
    };
    let by_rows = factor(bytes(|file| file.rows.is_some()), counted);
    let by_chunks = factor(bytes(|file| !file.row_groups.is_empty()), read);
    if !found.has_exact_rows {
        found.rows = found.rows.map(|rows| scaled(rows, by_rows.0, by_rows.1));
    }
    for column in &mut found.columns {
        for sum in [&mut column.null_count, &mut column.compressed_bytes, &mut column.uncompressed_bytes] {
            *sum = sum.map(|sum| scaled(sum, by_chunks.0, by_chunks.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_evenly_within_a_budget() {
        let files = |count: usize, groups: usize| (0..count).map(|at| (at.to_string(), groups)).collect::<Vec<_>>();
        assert_eq!(choose(files(4, 1), 4), ["0", "1", "2", "3"]);
        assert_eq!(choose(files(4, 2), 4), ["0", "2"]);
        assert_eq!(choose(files(2, 9), 4), ["0"]);
        assert_eq!(choose(files(0, 9), 4), [""; 0]);
    }

    #[test]
    fn samples_stand_for_the_whole_by_their_bytes() {
        let file = |bytes, rows, read| FileStatistics {
            bytes: Some(bytes),
            rows,
            row_groups: vec![RowGroupStatistics::default(); read],
            ..FileStatistics::default()
        };
        let column =
            ColumnStatistics { null_count: Some(1), compressed_bytes: Some(10), ..ColumnStatistics::default() };
        let mut found = RelationStatistics {
            files: vec![file(10, Some(5), 1), file(30, Some(15), 0), file(60, None, 0)],
            file_count: 3,
            stored_bytes: Some(100),
            rows: Some(20),
            columns: vec![column],
            ..RelationStatistics::default()
        };
        scale_up(2, 1, &mut found);
        assert_eq!((found.rows, found.is_sampled), (Some(50), true));
        assert_eq!((found.columns[0].null_count, found.columns[0].compressed_bytes), (Some(10), Some(100)));
    }
}
