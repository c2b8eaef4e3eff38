//! What of a relation is read: columns that are needed, in files and row groups that can have what is searched.

use std::collections::{BTreeSet, HashSet};

use arrow::datatypes::DataType;
use datafusion_expr::Expr;
use tavana_wire::statistics::{ColumnStatistics, FileStatistics, RelationKind};

use super::selectivity::{self, Columns};
use super::tables::{Column, Table, Value, column, value};

/// Row groups whose bounds are looked at; of more an even part is.
const MAX_ROW_GROUPS: usize = 4_000;

/// Blocks of DuckDB's hold pieces of several columns, so that with a few columns parts of others are read; fitted.
const SHARED: f64 = 0.8;

/// What a scan reads and gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Scanned {
    /// Bytes that are read, as they are stored.
    pub(super) bytes: f64,
    /// Bytes that there are.
    pub(super) stored_bytes: f64,
    /// Rows that satisfy the conditions.
    pub(super) rows: f64,
    /// The part of the files that is read.
    pub(super) files_part: f64,
    /// The part of the rows that is looked at.
    pub(super) read_part: f64,
    /// The blocks that are read, where they are told.
    pub(super) blocks: HashSet<u32>,
}

/// What a scan of `used` columns under conditions reads.
pub(super) fn scan(table: &Table, used: &BTreeSet<usize>, conditions: &[Expr]) -> Scanned {
    let told = &table.told;
    let stored = told.stored_bytes.map_or_else(|| table.rows * 16.0, |bytes| bytes as f64);
    let whole = |bytes: f64| {
        let rows = table.rows * selectivity::all(conditions, &Whole(table));
        Scanned { bytes, stored_bytes: stored, rows, files_part: 1.0, read_part: 1.0, blocks: HashSet::new() }
    };
    match table.kind {
        RelationKind::Csv | RelationKind::Json | RelationKind::Unknown | RelationKind::View => whole(stored),
        RelationKind::Foreign => whole(stored * packed_part(table, used)),
        RelationKind::Table
        | RelationKind::Parquet
        | RelationKind::Ducklake
        | RelationKind::Delta
        | RelationKind::Iceberg => {
            let pieces: usize = told.files.iter().map(|file| file.row_groups.len().max(1)).sum();
            if pieces == 0 {
                whole(stored * packed_part(table, used))
            } else {
                files(table, used, conditions, pieces, stored)
            }
        }
    }
}

fn files(table: &Table, used: &BTreeSet<usize>, conditions: &[Expr], pieces: usize, stored: f64) -> Scanned {
    let step = pieces.div_ceil(MAX_ROW_GROUPS);
    let mut sums = Sums::default();
    let mut at = 0_usize;
    for file in &table.told.files {
        let mut is_read = false;
        let groups: Vec<Option<&tavana_wire::statistics::RowGroupStatistics>> =
            if file.row_groups.is_empty() { vec![None] } else { file.row_groups.iter().map(Some).collect() };
        for group in groups {
            at += 1;
            if !at.is_multiple_of(step) {
                continue;
            }
            let columns = group.map_or(&file.columns, |group| &group.columns);
            let rows =
                group.map(|group| group.rows).or(file.rows).map_or(table.rows / pieces as f64, |rows| rows as f64);
            let piece = Piece::new(table, file, columns, rows, conditions);
            let kept = selectivity::all(conditions, &piece);
            sums.rows += rows;
            if kept > 0.0 {
                is_read = true;
                match blocks(table, columns, used) {
                    Some(blocks) => sums.blocks.extend(blocks),
                    None => sums.bytes += chunk_bytes(table, columns, used, file, stored, rows),
                }
                sums.read_rows += rows;
                sums.kept += rows * kept;
            }
        }
        sums.files += 1.0;
        sums.files_read += f64::from(u8::from(is_read));
    }
    // What was left out is like what was looked at.
    let scale = if sums.rows > 0.0 { table.rows / sums.rows } else { 0.0 };
    let in_blocks = sums.blocks.len() as f64 * table.told.block_bytes as f64;
    Scanned {
        bytes: ((sums.bytes + in_blocks) * scale).min(stored),
        stored_bytes: stored,
        rows: sums.kept * scale,
        files_part: sums.files_read / f64::max(sums.files, 1.0),
        read_part: sums.read_rows / f64::max(sums.rows, 1.0),
        blocks: sums.blocks,
    }
}

#[derive(Default)]
struct Sums {
    rows: f64,
    bytes: f64,
    /// What is read more than once is read from disk once.
    blocks: HashSet<u32>,
    read_rows: f64,
    kept: f64,
    files: f64,
    files_read: f64,
}

/// Whether what is told of a column is of one of those used: it may be a part of a nested one.
fn is_used(table: &Table, column: &ColumnStatistics, used: &BTreeSet<usize>) -> bool {
    used.iter().any(|&at| {
        let name = table.schema.field(at).name();
        column.name.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(", "))
    })
}

/// The blocks of the used columns in a row group, where they are told.
fn blocks<'a>(
    table: &'a Table,
    columns: &'a [ColumnStatistics],
    used: &'a BTreeSet<usize>,
) -> Option<impl Iterator<Item = u32> + 'a> {
    let has_blocks = table.told.block_bytes > 0 && columns.iter().any(|column| !column.blocks.is_empty());
    has_blocks.then(|| {
        let used = columns.iter().filter(move |column| is_used(table, column, used));
        used.flat_map(|column| column.blocks.iter().copied())
    })
}

/// Bytes of the used columns in a file or row group.
fn chunk_bytes(
    table: &Table,
    columns: &[ColumnStatistics],
    used: &BTreeSet<usize>,
    file: &FileStatistics,
    stored: f64,
    rows: f64,
) -> f64 {
    let known: Option<u64> = columns
        .iter()
        .filter(|column| is_used(table, column, used))
        .map(|column| column.compressed_bytes)
        .try_fold(0, |sum: u64, bytes| Some(sum.saturating_add(bytes?)));
    match known {
        Some(bytes) if !columns.is_empty() => bytes as f64,
        _ => {
            let share = rows / file.rows.map_or(table.rows, |rows| rows as f64).max(1.0);
            let bytes = file.bytes.map_or(stored, |bytes| bytes as f64);
            bytes * share.min(1.0) * packed_part(table, used)
        }
    }
}

/// The part of a table's bytes that some of its columns take, when that is not told: DuckDB stores whole numbers in as many bits as
/// their span needs, and texts that repeat by number.
fn packed_part(table: &Table, used: &BTreeSet<usize>) -> f64 {
    let bytes = |at: usize| {
        table.columns.get(at).map_or(1.0, |column| packed_bytes(column, table.schema.field(at).data_type()))
    };
    let total: f64 = (0..table.schema.fields().len()).map(bytes).sum();
    let part = used.iter().map(|&at| bytes(at)).sum::<f64>() / total.max(f64::MIN_POSITIVE);
    if table.kind == RelationKind::Table { part.powf(SHARED) } else { part }
}

fn packed_bytes(column: &Column, kind: &DataType) -> f64 {
    let bits = |values: f64| (values.max(2.0).log2() / 8.0).max(0.125);
    let scale = match kind {
        DataType::Decimal128(_, scale) => 10f64.powi(i32::from(*scale)),
        DataType::Date32 => 1.0 / 86_400e6,
        _ => 1.0,
    };
    match (&column.min, &column.max) {
        (Some(Value::Number(min)), Some(Value::Number(max))) if !kind.is_floating() => bits((max - min) * scale + 1.0),
        _ => {
            let text = (column.width - 16.0).max(8.0);
            match column.distinct {
                Some(distinct) if distinct < 10_000.0 && !kind.is_floating() => bits(distinct),
                // FSST halves texts, about.
                _ if !kind.is_primitive() => text * 0.5 + 1.0,
                _ => column.width,
            }
        }
    }
}

/// All of a relation.
struct Whole<'a>(&'a Table);

impl Columns for Whole<'_> {
    fn column(&self, column: &datafusion_common::Column) -> Option<&Column> {
        self.0.columns.get(self.0.schema.index_of(&column.name).ok()?)
    }
}

/// A file or row group.
struct Piece<'a> {
    table: &'a Table,
    known: Vec<(String, Column)>,
}

impl<'a> Piece<'a> {
    fn new(
        table: &'a Table,
        file: &FileStatistics,
        columns: &[ColumnStatistics],
        rows: f64,
        conditions: &[Expr],
    ) -> Self {
        let names: BTreeSet<String> =
            conditions.iter().flat_map(|condition| condition.column_refs()).map(|column| column.name.clone()).collect();
        let known = names.into_iter().filter_map(|name| {
            let at = table.schema.index_of(&name).ok()?;
            let (kind, whole) = (table.schema.field(at).data_type(), table.columns.get(at)?);
            if let Some(partition) = file.partitions.iter().find(|partition| partition.column == name) {
                let of_all = partition.value.as_deref().and_then(|text| value(text, kind));
                let null_part = f64::from(u8::from(partition.value.is_none()));
                let one = Column {
                    width: 0.0,
                    distinct: Some(1.0),
                    min: of_all.clone(),
                    max: of_all,
                    null_part,
                    ..Column::default()
                };
                return Some((name, one));
            }
            let told = columns.iter().find(|column| column.name == name)?;
            let mut here = column(told, kind, rows);
            // Bounds of a part are those of the part alone; how many values there are is better known of the whole.
            here.distinct = here.distinct.or(whole.distinct.map(|distinct| distinct.min(rows.max(1.0))));
            Some((name, here))
        });
        Self { table, known: known.collect() }
    }
}

impl Columns for Piece<'_> {
    fn column(&self, column: &datafusion_common::Column) -> Option<&Column> {
        let here = self.known.iter().find(|(name, _)| *name == column.name).map(|(_, column)| column);
        here.or_else(|| Whole(self.table).0.columns.get(self.table.schema.index_of(&column.name).ok()?))
    }
}
