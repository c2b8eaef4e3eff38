//! A statement that is being fetched: its connection, its parameters, its frames.

use arrow::array::RecordBatch;
use tavana_wire::{Failure, FailureKind};

use super::again::until_settled;
use super::blocking::OnLease;
use super::parameters::Parameters;
use crate::engine::Prepared;
use crate::memory::meter::Run;
use crate::session::Lease;
use crate::spool::{Spool, SpoolSpace};
use crate::stream::encoder::FrameSource;
use crate::stream::frame::Frame;

/// How often a statement runs once more to learn why it failed.
const RUNS_FOR_A_CAUSE: usize = 3;

/// A statement in the middle of its result. The result goes before the lease, so that the connection comes back clean.
pub(crate) struct Cursor {
    source: Option<FrameSource>,
    lease: Lease,
    sql: String,
    /// Rows of parameters that are still to be run, the next one last.
    pending: Vec<(usize, usize)>,
    /// The row of parameters that runs now.
    current: Option<(usize, usize)>,
    parameters: Vec<RecordBatch>,
    schema_digest: Vec<u8>,
    /// It runs in a transaction that is its own.
    own_transaction: bool,
    finished: bool,
    /// Measures the statement, and the bytes of its frames.
    run: Run,
    bytes: u64,
}

impl OnLease for Cursor {
    fn lease(&mut self) -> &mut Lease {
        &mut self.lease
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // The result goes before the statement.
        self.source = None;
        if !self.sql.is_empty() {
            self.lease.ran(&self.sql);
        }
        if self.own_transaction {
            // It only read.
            let _ = self.lease.end(true);
        }
        self.run.end();
    }
}

impl Cursor {
    /// A cursor over nothing yet.
    pub(crate) fn idle(lease: Lease, run: Run) -> Self {
        Self {
            source: None,
            lease,
            sql: String::new(),
            pending: Vec::new(),
            current: None,
            parameters: Vec::new(),
            schema_digest: Vec::new(),
            own_transaction: false,
            finished: false,
            run,
            bytes: 0,
        }
    }

    /// A cursor over `sql`, once for each row of `parameters`, or once when it has none.
    pub(crate) fn new(
        lease: Lease,
        run: Run,
        sql: String,
        parameters: Option<Parameters>,
        schema_digest: Vec<u8>,
    ) -> Self {
        let mut cursor = Self::idle(lease, run);
        cursor.read(sql, parameters);
        cursor.schema_digest = schema_digest;
        cursor
    }

    /// Makes an idle cursor one over `sql`, once for each row of `parameters`, or once when it has none.
    pub(crate) fn read(&mut self, sql: String, parameters: Option<Parameters>) {
        let parameters = parameters.map(|parameters| parameters.batches).unwrap_or_default();
        let rows = |(batch, rows): (usize, &RecordBatch)| {
            (0..rows.num_rows()).map(move |row| (batch, row)).collect::<Vec<_>>()
        };
        let mut pending: Vec<_> = parameters.iter().enumerate().flat_map(rows).collect();
        pending.reverse();
        self.sql = sql;
        self.pending = pending;
        self.parameters = parameters;
    }

    /// The next frame; `None` once the result is whole. Blocks.
    ///
    /// # Errors
    /// What DuckDB says; `Conflict` when the result has another schema than was announced.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, Failure> {
        loop {
            if self.finished {
                return Ok(None);
            }
            if self.source.is_none() {
                self.start()?;
            }
            if let Some(source) = &mut self.source {
                match source.next_frame() {
                    Ok(Some(frame)) => {
                        self.bytes += frame.len() as u64;
                        self.run.gave(source.rows(), self.bytes);
                        return Ok(Some(frame));
                    }
                    Ok(None) => {}
                    Err(error) => return Err(self.cause_of(error.into())),
                }
                self.finished = !self.restart()?;
            }
        }
    }

    /// Whether the last frame was given out.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished || (self.pending.is_empty() && self.source.as_ref().is_some_and(FrameSource::is_finished))
    }

    /// Reads the rest of the result into a spool.
    ///
    /// # Errors
    /// What DuckDB says, or that the spool is full.
    pub(crate) fn drain(&mut self, space: &SpoolSpace) -> Result<Spool, Failure> {
        let mut spool = space.spool();
        while let Some(frame) = self.next_frame()? {
            spool.push(frame)?;
        }
        Ok(spool)
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.run.begin(self.lease.is_private());
        let result = until_settled(self, |cursor| {
            let result = cursor.execute();
            if result.is_err() {
                // The row of parameters is still to be run, and not in a transaction that has failed.
                cursor.pending.extend(cursor.current);
                cursor.leave_transaction();
            }
            result
        })?;
        let announced = !self.schema_digest.is_empty();
        if announced && super::plan::schema_digest(result.schema()) != self.schema_digest {
            let message = "a table of this statement was changed after it was planned; run it again";
            return Err(Failure::new(FailureKind::Conflict, message));
        }
        self.source = Some(FrameSource::new(result));
        Ok(())
    }

    /// The failure, or, when it only says that the query was interrupted, what another run of it says: DuckDB interrupts a query
    /// when one of its threads has failed, and the thread that reads may come upon that first. A cursor only reads, so a run
    /// without a reader does nothing.
    fn cause_of(&mut self, failure: Failure) -> Failure {
        if failure.kind != FailureKind::Cancelled || self.lease.in_transaction() {
            return failure;
        }
        self.source = None;
        for _ in 0..RUNS_FOR_A_CAUSE {
            if self.lease.connection().was_interrupted() {
                break;
            }
            self.leave_transaction();
            self.pending.extend(self.current);
            match self.execute().and_then(|mut result| {
                while result.next_chunk()?.is_some() {}
                Ok(())
            }) {
                Err(cause) if cause.kind != FailureKind::Cancelled => return cause,
                _ => {}
            }
        }
        failure
    }

    /// Ends a transaction of its own that has failed.
    fn leave_transaction(&mut self) {
        if std::mem::take(&mut self.own_transaction) {
            // Its failure is told already.
            let _ = self.lease.end(false);
        }
    }

    /// Runs the statement for the next row of parameters; says whether there was one.
    fn restart(&mut self) -> Result<bool, Failure> {
        if self.pending.is_empty() {
            return Ok(false);
        }
        if let Some(source) = &mut self.source {
            source.release_result();
        }
        let result = self.execute()?;
        if let Some(source) = &mut self.source {
            source.continue_with(result);
        }
        Ok(true)
    }

    fn execute(&mut self) -> Result<crate::engine::ResultStream, Failure> {
        let row = self.pending.pop();
        self.current = row;
        let parameters = &self.parameters;
        let bind = |prepared: &mut Prepared| {
            if let Some((batch, row)) = row {
                prepared.bind_row(parameters[batch].columns(), row)?;
            } else if prepared.parameter_count() > 0 {
                let message = "the statement has parameters, and no values were bound to them";
                return Err(Failure::new(FailureKind::Binding, message));
            }
            Ok(())
        };
        if let Some(pending) = self.lease.start(&self.sql, &bind)? {
            return Ok(pending.execute()?);
        }
        // Something is being written just now. In a transaction the rows are settled before the plan is made.
        if !self.lease.in_transaction() && !self.own_transaction {
            self.own_transaction = true;
            self.lease.begin()?;
        }
        self.lease.forget(&self.sql);
        let prepared = self.lease.prepare(&self.sql)?;
        bind(prepared)?;
        Ok(prepared.execute()?)
    }
}
