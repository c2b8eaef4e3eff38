//! Tables whose rows are held in Rust, other rows for each connection.
//!
//! A table function is registered once, for all connections of an instance. What it gives is decided when a statement starts, by the
//! connection that it runs on: neither a plan that is kept nor a view over it holds rows. A connection that is shown none reads an
//! empty table.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libduckdb_sys as duckdb;

use super::c_string;
use super::connection::Connection;
use super::error::EngineError;
use super::schema::LogicalType;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// `VARCHAR`.
    Text,
    /// `BIGINT`.
    Integer,
    /// `DOUBLE`.
    Double,
    /// `BOOLEAN`.
    Bool,
    /// `TIMESTAMP WITH TIME ZONE`.
    Timestamp,
}

/// A value; one that is not of its column's kind is read as null.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// Microseconds since 1970, UTC.
    Timestamp(i64),
}

/// The rows of some tables, by the name of the function that gives them.
pub type Tables = HashMap<&'static str, Vec<Vec<Cell>>>;

/// What each connection of an instance is shown, by DuckDB's number of it.
#[derive(Debug, Default)]
pub(super) struct ShownTables(Mutex<HashMap<u64, Arc<Tables>>>);

/// Rows that a connection is shown until this is dropped.
#[derive(Debug)]
pub struct Shown {
    shown: Arc<ShownTables>,
    connection: u64,
}

/// What a function knows, registered.
struct Definition {
    function: &'static str,
    columns: Vec<(&'static str, CellKind)>,
    shown: Arc<ShownTables>,
}

/// One run of a function.
struct Scan {
    tables: Option<Arc<Tables>>,
    next: AtomicUsize,
}

impl ShownTables {
    fn change<T>(&self, change: impl FnOnce(&mut HashMap<u64, Arc<Tables>>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.shown.change(|shown| shown.remove(&self.connection));
    }
}

impl Connection {
    /// Shows these rows to the statements that start on this connection, and to no others, until the guard goes.
    pub fn show(&self, tables: Arc<Tables>) -> Shown {
        let shown = Arc::clone(&self.raw().database.shown);
        let connection = connection_id(self);
        shown.change(|shown| shown.insert(connection, tables));
        Shown { shown, connection }
    }

    /// Registers a function without arguments that gives the rows that its caller's connection is shown under its name.
    ///
    /// # Errors
    /// When DuckDB does not take it.
    pub fn add_table_function(
        &self,
        function: &'static str,
        columns: Vec<(&'static str, CellKind)>,
    ) -> Result<(), EngineError> {
        let name = c_string(function)?;
        let definition = Box::new(Definition { function, columns, shown: Arc::clone(&self.raw().database.shown) });
        // SAFETY: the function is destroyed once; DuckDB owns the definition from here on and frees it with `free`.
        let state = unsafe {
            let mut raw = duckdb::duckdb_create_table_function();
            duckdb::duckdb_table_function_set_name(raw, name.as_ptr());
            duckdb::duckdb_table_function_set_extra_info(
                raw,
                Box::into_raw(definition).cast(),
                Some(free::<Definition>),
            );
            duckdb::duckdb_table_function_set_bind(raw, Some(bind));
            duckdb::duckdb_table_function_set_init(raw, Some(init));
            duckdb::duckdb_table_function_set_function(raw, Some(give));
            let state = duckdb::duckdb_register_table_function(self.raw().connection, raw);
            duckdb::duckdb_destroy_table_function(&mut raw);
            state
        };
        match state {
            duckdb::DuckDBSuccess => Ok(()),
            _ => Err(EngineError::from_message(format!("INTERNAL Error: DuckDB takes no function {function}"))),
        }
    }
}

fn connection_id(connection: &Connection) -> u64 {
    let mut context = std::ptr::null_mut();
    // SAFETY: the connection is alive, the out pointer valid, and the context destroyed once.
    unsafe {
        duckdb::duckdb_connection_get_client_context(connection.raw().connection, &mut context);
        let id = duckdb::duckdb_client_context_get_connection_id(context);
        duckdb::duckdb_destroy_client_context(&mut context);
        id
    }
}

/// Frees what was given to DuckDB as a box.
///
/// # Safety
/// `data` is a `Box<T>` that nobody uses any more.
unsafe extern "C" fn free<T>(data: *mut c_void) {
    // SAFETY: by this function's contract.
    drop(unsafe { Box::from_raw(data.cast::<T>()) });
}

/// Tells the columns, and notes on which connection the statement is planned: it runs there.
unsafe extern "C" fn bind(info: duckdb::duckdb_bind_info) {
    // SAFETY: DuckDB calls it with a bind info of a function of ours, whose extra info is a definition.
    unsafe {
        let definition = &*duckdb::duckdb_bind_get_extra_info(info).cast::<Definition>();
        for (name, kind) in &definition.columns {
            let (Ok(name), column) = (c_string(name), LogicalType::of(type_of(*kind))) else { continue };
            duckdb::duckdb_bind_add_result_column(info, name.as_ptr(), column.raw());
        }
        let mut context = std::ptr::null_mut();
        duckdb::duckdb_table_function_get_client_context(info, &mut context);
        let connection = duckdb::duckdb_client_context_get_connection_id(context);
        duckdb::duckdb_destroy_client_context(&mut context);
        duckdb::duckdb_bind_set_bind_data(info, Box::into_raw(Box::new(connection)).cast(), Some(free::<u64>));
    }
}

/// A run starts: from here on it reads what its connection is shown now.
unsafe extern "C" fn init(info: duckdb::duckdb_init_info) {
    // SAFETY: as in `bind`; the bind data are those that it made.
    unsafe {
        let definition = &*duckdb::duckdb_init_get_extra_info(info).cast::<Definition>();
        let connection = *duckdb::duckdb_init_get_bind_data(info).cast::<u64>();
        let tables = definition.shown.change(|shown| shown.get(&connection).cloned());
        let scan = Box::new(Scan { tables, next: AtomicUsize::new(0) });
        duckdb::duckdb_init_set_init_data(info, Box::into_raw(scan).cast(), Some(free::<Scan>));
    }
}

/// Gives the next rows; none at the end.
unsafe extern "C" fn give(info: duckdb::duckdb_function_info, chunk: duckdb::duckdb_data_chunk) {
    // SAFETY: as in `bind`; the init data are those that `init` made, and the chunk has the columns that `bind` told.
    unsafe {
        let definition = &*duckdb::duckdb_function_get_extra_info(info).cast::<Definition>();
        let scan = &*duckdb::duckdb_function_get_init_data(info).cast::<Scan>();
        let rows = scan.tables.as_ref().and_then(|tables| tables.get(definition.function));
        let rows = rows.map_or(&[] as &[Vec<Cell>], Vec::as_slice);
        let size = usize::try_from(duckdb::duckdb_vector_size()).unwrap_or(0);
        let from = scan.next.fetch_add(size, Ordering::Relaxed).min(rows.len());
        let rows = &rows[from..(from + size).min(rows.len())];
        for (column, (_, kind)) in definition.columns.iter().enumerate() {
            let vector = duckdb::duckdb_data_chunk_get_vector(chunk, column as u64);
            for (index, row) in rows.iter().enumerate() {
                put(vector, index, *kind, row.get(column).unwrap_or(&Cell::Null));
            }
        }
        duckdb::duckdb_data_chunk_set_size(chunk, rows.len() as u64);
    }
}

/// Puts a value into a vector.
///
/// # Safety
/// `vector` is one of `kind`, to be written, with room for more rows than `index`.
unsafe fn put(vector: duckdb::duckdb_vector, index: usize, kind: CellKind, cell: &Cell) {
    // SAFETY: by this function's contract, the data are as many values of the kind's size.
    unsafe {
        let data = duckdb::duckdb_vector_get_data(vector);
        match (kind, cell) {
            (CellKind::Text, Cell::Text(text)) => {
                let length = text.len() as u64;
                duckdb::duckdb_vector_assign_string_element_len(vector, index as u64, text.as_ptr().cast(), length);
            }
            (CellKind::Integer, Cell::Integer(value)) | (CellKind::Timestamp, Cell::Timestamp(value)) => {
                data.cast::<i64>().add(index).write(*value);
            }
            (CellKind::Double, Cell::Double(value)) => data.cast::<f64>().add(index).write(*value),
            (CellKind::Bool, Cell::Bool(value)) => data.cast::<bool>().add(index).write(*value),
            _ => {
                duckdb::duckdb_vector_ensure_validity_writable(vector);
                let validity = duckdb::duckdb_vector_get_validity(vector);
                duckdb::duckdb_validity_set_row_invalid(validity, index as u64);
            }
        }
    }
}

fn type_of(kind: CellKind) -> duckdb::duckdb_type {
    match kind {
        CellKind::Text => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_VARCHAR,
        CellKind::Integer => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BIGINT,
        CellKind::Double => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_DOUBLE,
        CellKind::Bool => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_BOOLEAN,
        CellKind::Timestamp => duckdb::DUCKDB_TYPE_DUCKDB_TYPE_TIMESTAMP_TZ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Instance, InstanceConfig};

    fn instance() -> Instance {
        let instance = Instance::open(&InstanceConfig::default()).unwrap();
        let columns = vec![
            ("name", CellKind::Text),
            ("count", CellKind::Integer),
            ("share", CellKind::Double),
            ("good", CellKind::Bool),
            ("moment", CellKind::Timestamp),
        ];
        instance.connect().unwrap().add_table_function("things", columns).unwrap();
        instance.connect().unwrap().execute("CREATE VIEW seen AS FROM things()").unwrap();
        instance
    }

    fn rows(names: &[&str]) -> Arc<Tables> {
        let row = |name: &&str| {
            let numbers = [Cell::Integer(7), Cell::Double(0.5), Cell::Bool(true), Cell::Timestamp(1_000_000)];
            [Cell::Text((*name).to_owned())].into_iter().chain(numbers).collect()
        };
        Arc::new(HashMap::from([("things", names.iter().map(row).collect())]))
    }

    fn read(connection: &Connection, sql: &str) -> String {
        connection.current(&format!("({sql})")).unwrap()
    }

    const NAMES: &str = "SELECT coalesce(string_agg(name, ','), '') FROM seen";

    #[test]
    fn values_of_every_kind_and_nulls_are_read() {
        let connection = instance().connect().unwrap();
        let mut tables = rows(&["a", "b"]);
        let table = Arc::get_mut(&mut tables).unwrap().get_mut("things").unwrap();
        table.push(vec![Cell::Null, Cell::Text("not a number".to_owned())]);
        let _shown = connection.show(tables);
        let all = "SELECT string_agg(concat_ws('|', name, count, share, good, epoch_us(moment)), ' ') FROM things()";
        assert_eq!(read(&connection, all), "a|7|0.5|true|1000000 b|7|0.5|true|1000000 ");
        assert_eq!(
            read(&connection, "SELECT count(*)::VARCHAR FROM things() WHERE moment IS NULL AND count IS NULL"),
            "1"
        );
    }

    #[test]
    fn more_rows_than_a_vector_are_read_and_joined() {
        let connection = instance().connect().unwrap();
        let names: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
        let _shown = connection.show(rows(&names.iter().map(String::as_str).collect::<Vec<_>>()));
        let sql = "SELECT count(*)::VARCHAR FROM seen JOIN range(4000) AS r(n) ON r.n = seen.name::INT";
        assert_eq!(read(&connection, sql), "4000");
    }

    #[test]
    fn a_connection_sees_only_what_it_is_shown_and_when() {
        let instance = instance();
        let (ada, bob) = (instance.connect().unwrap(), instance.connect().unwrap());
        let mut prepared = ada.prepare(NAMES).unwrap();
        let mut run = || prepared.collect().unwrap()[0].clone();
        let texts = |batch: arrow::array::RecordBatch| {
            use arrow::array::AsArray as _;
            batch.column(0).as_string::<i32>().value(0).to_owned()
        };
        assert_eq!(texts(run()), "");
        let shown = ada.show(rows(&["a"]));
        assert_eq!((texts(run()), read(&bob, NAMES)), ("a".to_owned(), String::new()));
        {
            let _shown = bob.show(rows(&["b"]));
            assert_eq!((texts(run()), read(&bob, NAMES)), ("a".to_owned(), "b".to_owned()));
        }
        assert_eq!(read(&bob, NAMES), "");
        drop(shown);
        assert_eq!(texts(run()), "");
        let _shown = ada.show(rows(&["c", "d"]));
        assert_eq!(texts(run()), "c,d");
    }
}
