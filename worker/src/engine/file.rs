//! Files through DuckDB's file systems: on disk and in every store whose extension is loaded, with the secrets of the instance.
//!
//! What is copied may be larger than memory, so files are read and written piece by piece.

use libduckdb_sys as duckdb;
use tavana_wire::FailureKind;

use super::c_string;
use super::connection::Connection;
use super::error::EngineError;
use super::schema::check;

/// The file systems that a connection sees.
#[derive(Debug)]
pub struct Files {
    raw: duckdb::duckdb_file_system,
    /// In a transaction as long as the files are used: that is how stores find their secrets.
    _connection: Connection,
}

/// An open file; closed when it is dropped.
#[derive(Debug)]
pub struct File<'a> {
    raw: duckdb::duckdb_file_handle,
    _files: &'a Files,
}

impl Drop for Files {
    fn drop(&mut self) {
        // SAFETY: the handle is ours and not used again.
        unsafe { duckdb::duckdb_destroy_file_system(&mut self.raw) };
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { duckdb::duckdb_destroy_file_handle(&mut self.raw) };
    }
}

impl Files {
    /// The file systems of the connection's instance.
    ///
    /// # Errors
    /// When DuckDB opens no further connection.
    pub fn of(connection: &Connection) -> Result<Self, EngineError> {
        let connection = connection.another()?;
        connection.execute("BEGIN TRANSACTION READ ONLY")?;
        let mut context = std::ptr::null_mut();
        // SAFETY: the connection is open; the context is destroyed once, and the file system holds what it needs of it.
        let raw = unsafe {
            duckdb::duckdb_connection_get_client_context(connection.raw().connection, &mut context);
            let raw = duckdb::duckdb_client_context_get_file_system(context);
            duckdb::duckdb_destroy_client_context(&mut context);
            raw
        };
        Ok(Self { raw, _connection: connection })
    }

    /// Opens a file to be read.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn read(&self, path: &str) -> Result<File<'_>, EngineError> {
        self.open(path, &[duckdb::duckdb_file_flag_DUCKDB_FILE_FLAG_READ])
    }

    /// Opens a new file to be written. On disk there must be none of this name, in a store it is replaced as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str) -> Result<File<'_>, EngineError> {
        let flags = [duckdb::duckdb_file_flag_DUCKDB_FILE_FLAG_WRITE, duckdb::duckdb_file_flag_DUCKDB_FILE_FLAG_CREATE];
        self.open(path, &flags)
    }

    fn open(&self, path: &str, flags: &[duckdb::duckdb_file_flag]) -> Result<File<'_>, EngineError> {
        let path = c_string(path)?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: file system and path live during the call; the options are destroyed once.
        let state = unsafe {
            let mut options = duckdb::duckdb_create_file_open_options();
            for flag in flags {
                duckdb::duckdb_file_open_options_set_flag(options, *flag, true);
            }
            let state = duckdb::duckdb_file_system_open(self.raw, path.as_ptr(), options, &mut raw);
            duckdb::duckdb_destroy_file_open_options(&mut options);
            state
        };
        let file = File { raw, _files: self };
        if state == duckdb::DuckDBSuccess && !file.raw.is_null() {
            return Ok(file);
        }
        // SAFETY: the file system is alive; the error object is ours.
        check(unsafe { duckdb::duckdb_file_system_error_data(self.raw) })?;
        Err(EngineError::new(FailureKind::Io, "a file cannot be opened"))
    }
}

impl File<'_> {
    /// Its bytes.
    ///
    /// # Errors
    /// When they cannot be told.
    pub fn size(&self) -> Result<u64, EngineError> {
        // SAFETY: the file is open.
        self.counted(unsafe { duckdb::duckdb_file_handle_size(self.raw) })
    }

    /// Reads into `buffer`; 0 at the end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, EngineError> {
        let size = i64::try_from(buffer.len()).unwrap_or(i64::MAX);
        // SAFETY: the buffer has room for `size` bytes.
        let read = unsafe { duckdb::duckdb_file_handle_read(self.raw, buffer.as_mut_ptr().cast(), size) };
        self.counted(read).map(|read| usize::try_from(read).unwrap_or(buffer.len()))
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// When not all could be written.
    pub fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), EngineError> {
        while !bytes.is_empty() {
            let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            // SAFETY: `bytes` holds `size` bytes.
            let written = unsafe { duckdb::duckdb_file_handle_write(self.raw, bytes.as_ptr().cast(), size) };
            match self.counted(written).map(usize::try_from)? {
                Ok(written) if written > 0 && written <= bytes.len() => bytes = &bytes[written..],
                _ => return Err(EngineError::new(FailureKind::Io, "a file takes no more bytes")),
            }
        }
        Ok(())
    }

    /// Ends a file that was written: what fails now was not kept.
    ///
    /// # Errors
    /// When the store did not take all of it.
    pub fn finish(self) -> Result<(), EngineError> {
        // SAFETY: the file is open, and not used after this.
        let state = unsafe { duckdb::duckdb_file_handle_close(self.raw) };
        if state == duckdb::DuckDBSuccess { Ok(()) } else { Err(self.failure()) }
    }

    fn counted(&self, number: i64) -> Result<u64, EngineError> {
        u64::try_from(number).map_err(|_| self.failure())
    }

    fn failure(&self) -> EngineError {
        // SAFETY: the handle is alive; the error object is ours.
        let told = check(unsafe { duckdb::duckdb_file_handle_error_data(self.raw) });
        told.err().unwrap_or_else(|| EngineError::new(FailureKind::Io, "a file cannot be read or written"))
    }
}
