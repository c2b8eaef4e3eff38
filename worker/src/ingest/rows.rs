//! The rows of an ingest on their way into its table.
//!
//! DuckDB inserts in order and on all threads only what has a batch index, as a [`BatchView`] has. Where there can be no
//! such view, an [`Appender`] does the same on one thread.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Fields};
use tavana_wire::{Failure, FailureKind, QueryId};

use super::target::{TEMPORARY, Target};
use crate::engine::{Appender, BatchView, Connection, Prepared};

/// What the appender's `INSERT` calls the rows that arrive.
const APPENDED: &str = "tavana_ingested_rows";

/// Takes the rows of one ingest, inside the transaction that is open.
pub(super) struct RowSink {
    way: Way,
    rows: u64,
}

enum Way {
    View { insert: Prepared, view: BatchView },
    Append(Appender),
}

impl RowSink {
    /// # Errors
    /// When the columns do not fit the table: told before the first row, and even without one.
    pub(super) fn open(connection: &Connection, target: &Target, in_transaction: bool) -> Result<Self, Failure> {
        connection.prepare(&target.insert_from(&format!("(SELECT {})", target.nulls())))?;
        let view = match place_of_view(connection, target, in_transaction)? {
            Some((catalog, schema)) => {
                let name = format!("tavana_ingest_{}", QueryId::random());
                BatchView::create(connection, &catalog, &schema, &name, target.columns())?
            }
            None => None,
        };
        let way = match view {
            Some(view) => Way::View { insert: connection.prepare(&target.insert_from(view.path()))?, view },
            None => {
                let insert = target.insert_from(APPENDED);
                Way::Append(Appender::open(connection, &insert, APPENDED, target.columns())?)
            }
        };
        Ok(Self { way, rows: 0 })
    }

    /// # Errors
    /// When the table refuses the rows; some of them may be in it until the transaction is rolled back.
    pub(super) fn insert(&mut self, group: &[RecordBatch]) -> Result<(), Failure> {
        let rows: usize = group.iter().map(RecordBatch::num_rows).sum();
        if rows == 0 {
            return Ok(());
        }
        self.rows += rows as u64;
        match &mut self.way {
            Way::View { insert, view } => {
                view.offer(group);
                let mut result = insert.execute()?;
                while result.next_chunk()?.is_some() {}
                let inserted = result.rows_changed().unwrap_or(0);
                if inserted != rows as u64 {
                    let message = format!("DuckDB inserted {inserted} of {rows} rows");
                    return Err(Failure::new(FailureKind::Internal, message));
                }
            }
            Way::Append(appender) => group.iter().try_for_each(|batch| appender.append(batch))?,
        }
        Ok(())
    }

    /// Leaves nothing but the rows, and gives their number. After a failure the transaction is to be rolled back.
    ///
    /// # Errors
    /// The failure so far; when the table refuses the last rows.
    pub(super) fn close(self, connection: &Connection, filled: Result<(), Failure>) -> Result<i64, Failure> {
        let way = match self.way {
            Way::View { insert, view } => {
                drop(insert);
                view.withdraw(connection)
            }
            Way::Append(appender) if filled.is_ok() => appender.finish(),
            Way::Append(_) => Ok(()),
        };
        let closed = filled.and(way.map_err(Failure::from));
        if closed.is_err() {
            // A transaction of the user's could commit part of the rows, or the view; DuckDB refuses it from now on.
            let _ = connection.execute("SELECT error('the ingest failed')");
        }
        closed.map(|()| i64::try_from(self.rows).unwrap_or(i64::MAX))
    }
}

/// Catalog and schema for a view of the rows, if there can be one.
///
/// It comes to be in the current ones. A transaction writes to one database besides the temporary tables, and one that
/// cannot hold the view would be aborted.
fn place_of_view(
    connection: &Connection,
    target: &Target,
    in_transaction: bool,
) -> Result<Option<(String, String)>, Failure> {
    if has_dictionary(target.columns().fields()) {
        return Ok(None);
    }
    let place = "SELECT database_name, system.main.current_schema() FROM duckdb_databases()
        WHERE database_name = system.main.current_database() AND type = 'duckdb' AND NOT readonly AND NOT internal";
    let found = connection.query(place, &[])?;
    let Some(found) = found.first().filter(|found| found.num_rows() == 1) else { return Ok(None) };
    let text = |column: usize| found.column(column).as_string::<i32>().value(0).to_owned();
    let (catalog, schema) = (text(0), text(1));
    let temporary = target.catalog() == TEMPORARY && !in_transaction;
    Ok((temporary || target.catalog().eq_ignore_ascii_case(&catalog)).then_some((catalog, schema)))
}

/// Whether a column holds dictionaries: `arrow_scan` knows a dictionary by its address, which the next batch's may have too.
fn has_dictionary(fields: &Fields) -> bool {
    fields.iter().any(|field| is_dictionary(field.data_type()))
}

fn is_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::Struct(fields) => has_dictionary(fields),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _)
        | DataType::RunEndEncoded(_, item) => is_dictionary(item.data_type()),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| is_dictionary(field.data_type())),
        _ => false,
    }
}
