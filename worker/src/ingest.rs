//! Bulk ingest: a stream of batches into a table, all or nothing.
//!
//! Batches are gathered into groups, and a blocking thread inserts a group while the next one gathers, inside one
//! transaction, the session's own if one is open. DuckDB works only on what has arrived, so that a slow client keeps no
//! thread of it. Whatever breaks (a bad batch, a full disk, a client that goes) rolls back what this ingest did.

mod rows;
mod target;

use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::CommandStatementIngest;
use futures::{Stream, StreamExt as _};
use tavana_wire::{Failure, FailureKind, Role};
use tokio::sync::mpsc;

use self::rows::RowSink;
use self::target::Target;
use crate::caller::Call;
use crate::engine::Connection;
use crate::execute::Executor;
use crate::execute::again::until_settled;
use crate::execute::blocking::blocking;
use crate::execute::definition::check_target;
use crate::running::RunningQuery;
use crate::session::Lease;
use crate::session::changes::Changed;
use crate::statement::DefinedIn;

/// Bytes of batches that one `INSERT` takes; each starts DuckDB's threads and ends in a row group that is not full.
///
/// An ingest holds at most two groups, the one at work and the one that gathers or waits; each exceeds this by less than a
/// batch. Larger groups were not faster.
const GROUP_BYTES: usize = 32 * 1024 * 1024;

/// What the blocking thread is sent.
#[derive(Clone)]
enum Sent {
    Group(Vec<RecordBatch>),
    End,
}

/// What the blocking thread reads. One group can be read again, when another writer of the catalog came first.
struct Input {
    receiver: mpsc::Receiver<Sent>,
    /// What was read, while it is no more than a group.
    kept: Vec<Sent>,
    /// How many of these were read in this run.
    at: usize,
    groups: usize,
}

impl Input {
    fn new(receiver: mpsc::Receiver<Sent>) -> Self {
        Self { receiver, kept: Vec::new(), at: 0, groups: 0 }
    }

    fn next(&mut self) -> Option<Sent> {
        if let Some(sent) = self.kept.get(self.at) {
            self.at += 1;
            return Some(sent.clone());
        }
        let sent = self.receiver.blocking_recv()?;
        self.groups += usize::from(matches!(sent, Sent::Group(_)));
        if self.is_kept() {
            self.kept.push(sent.clone());
            self.at += 1;
        } else {
            self.kept.clear();
        }
        Some(sent)
    }

    /// Goes back to the beginning.
    fn rewind(&mut self) {
        self.at = 0;
    }

    /// Whether all that was read is there to be read again.
    fn is_kept(&self) -> bool {
        self.groups <= 1
    }
}

impl Executor {
    /// Ingests the batches of a stream; gives the number of rows.
    ///
    /// # Errors
    /// What the client's stream or DuckDB says; nothing of this ingest stays then.
    pub(crate) async fn ingest(
        &self,
        call: &mut Call,
        command: CommandStatementIngest,
        columns: SchemaRef,
        batches: impl Stream<Item = Result<RecordBatch, Failure>> + Unpin,
    ) -> Result<i64, Failure> {
        if call.role() < Role::User {
            return Err(Failure::new(FailureKind::PermissionDenied, "the role reader may not write"));
        }
        call.room.check()?;
        let lease = if command.temporary {
            self.pin(call, "a temporary table lives in its session")?.lease().await
        } else {
            self.lease(call, None).await?
        };
        let in_transaction = lease.session().is_some_and(|session| session.in_transaction());
        let query = self.running.start(call.query_id, call);
        query.run().begin(lease.is_private());
        let (sender, receiver) = mpsc::channel(1);
        let mut input = Input::new(receiver);
        let policy = self.policy.clone();
        let work = move |lease: &mut Lease| {
            if !command.temporary {
                let catalog = command.catalog.clone().filter(|name| !name.is_empty());
                let target = catalog.map_or(DefinedIn::Current, DefinedIn::Named);
                check_target(&policy, lease.connection(), &target)?;
            }
            until_settled(lease, |lease| {
                input.rewind();
                let written = write(lease, &command, &columns, in_transaction, &mut input);
                // What cannot be read again is told at once; the client may send it again.
                if written.is_err() && !input.is_kept() { Ok(written) } else { written.map(Ok) }
            })?
        };
        // A writer that waits for a slow client sees no interrupt; it ends when nothing feeds it any more.
        let feed = async {
            tokio::select! {
                fed = feed(batches, sender) => fed,
                () = query.cancel_token().cancelled() => Ok(()),
            }
        };
        let writing = blocking(&query, lease, work);
        tokio::pin!(writing);
        let fed = tokio::select! {
            fed = feed => fed,
            written = &mut writing => return written.map(|(_, rows)| ingested(&query, rows)),
        };
        let written = writing.await.map(|(_, rows)| ingested(&query, rows));
        fed.and(written)
    }
}

/// Notes for the measure of the statement how many rows it wrote.
fn ingested(query: &RunningQuery, rows: i64) -> i64 {
    query.run().gave(rows.unsigned_abs(), 0);
    query.run().end();
    rows
}

/// Sends the batches in groups, then the end. Where the end is missing the writer rolls back.
async fn feed(
    mut batches: impl Stream<Item = Result<RecordBatch, Failure>> + Unpin,
    sender: mpsc::Sender<Sent>,
) -> Result<(), Failure> {
    let mut done = false;
    while !done {
        // A group gathers only once the one before it is at work. A writer that is gone has failed, and tells why itself.
        let Ok(place) = sender.reserve().await else { return Ok(()) };
        let (mut group, mut bytes) = (Vec::new(), 0);
        while bytes < GROUP_BYTES && !done {
            match batches.next().await {
                Some(batch) => {
                    let batch = batch?;
                    bytes += bytes_of(&batch);
                    group.push(batch);
                }
                None => done = true,
            }
        }
        place.send(Sent::Group(group));
    }
    let _ = sender.send(Sent::End).await;
    Ok(())
}

/// The bytes of a batch's own rows; its buffers may be parts of one message, which each of them counts as its own.
fn bytes_of(batch: &RecordBatch) -> usize {
    let column_bytes = |column: &arrow::array::ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(column_bytes).sum()
}

fn write(
    lease: &mut Lease,
    command: &CommandStatementIngest,
    columns: &SchemaRef,
    in_transaction: bool,
    input: &mut Input,
) -> Result<i64, Failure> {
    if command.temporary {
        lease.made_temporaries();
        lease.made_state();
    }
    let _change = lease.change(Changed::Catalog);
    if !in_transaction {
        lease.begin()?;
    }
    let outcome = write_rows(lease.connection(), command, columns, in_transaction, input);
    if !in_transaction {
        lease.end(outcome.is_ok())?;
    }
    outcome
}

fn write_rows(
    connection: &Connection,
    command: &CommandStatementIngest,
    columns: &SchemaRef,
    in_transaction: bool,
    input: &mut Input,
) -> Result<i64, Failure> {
    let target = Target::resolve(connection, command, Arc::clone(columns))?;
    target.make_table(connection)?;
    let mut sink = RowSink::open(connection, &target, in_transaction)?;
    let mut fill = || loop {
        match input.next() {
            Some(Sent::Group(group)) => sink.insert(&group)?,
            Some(Sent::End) => return Ok(()),
            None => return Err(Failure::new(FailureKind::Cancelled, "the client ended the ingest before its end")),
        }
    };
    let filled = fill();
    sink.close(connection, filled)
}
