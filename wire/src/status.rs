//! What a gateway tells of statements: to those who wait for them, and to the tables that show them.
//!
//! The tables `tavana.queries`, `tavana.queue` and `tavana.workers` are queried like any others, by DuckDB on a worker; their rows are the
//! gateway's. It hands them to the worker ahead of a statement that names one, and only those that its principal may see.

/// Action of a gateway: how a statement is. The body is a [`QueryStatusRequest`], the one result a [`QueryStatus`].
pub const QUERY_STATUS: &str = "tavana.QueryStatus";

/// Action of a worker: plans a statement without running it. The body is a [`ExplainRequest`], the one result an [`ExplainAnswer`].
pub const EXPLAIN: &str = "tavana.Explain";

/// Action of a worker, for gateways: the rows that the principal of this call may see, for the statement of this call's query id
/// ([`crate::headers::QUERY_ID`]). They wait for the statement for [`OVERVIEW_SECONDS`] and are seen by it alone. The body is an
/// [`Overview`]; there is no result.
pub const PUT_OVERVIEW: &str = "tavana.PutOverview";

/// How long the rows of an overview wait for their statement.
pub const OVERVIEW_SECONDS: u64 = 60;

/// The most bytes of an [`Overview`]; of the statements that are over the oldest are left out for it.
pub const MAX_OVERVIEW_BYTES: usize = 8 << 20;

/// The version of the messages below; it grows when a field changes its meaning.
pub const VERSION: u32 = 1;

/// Which statement.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct QueryStatusRequest {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// 16 bytes, see [`crate::QueryId`].
    #[prost(bytes = "vec", tag = "2")]
    pub query_id: Vec<u8>,
}

/// Where a statement is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum QueryState {
    /// This gateway does not know it, or not any more.
    Unknown = 0,
    /// It waits for room.
    Queued = 1,
    /// It runs, or its result is on its way.
    Running = 2,
    /// It is over, and was not refused.
    Finished = 3,
    /// It failed, or was cancelled.
    Failed = 4,
}

/// How a statement is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryStatus {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// Where it is.
    #[prost(enumeration = "QueryState", tag = "2")]
    pub state: i32,
    /// How many statements are ahead of it in the queue.
    #[prost(uint64, tag = "3")]
    pub ahead: u64,
    /// Milliseconds until it may run, by what those ahead of it took before; absent when that is not known.
    #[prost(uint64, optional, tag = "4")]
    pub expected_wait_ms: Option<u64>,
    /// Milliseconds that it has waited.
    #[prost(uint64, tag = "5")]
    pub waited_ms: u64,
    /// Milliseconds that it has run.
    #[prost(uint64, tag = "6")]
    pub running_ms: u64,
    /// Bytes of its result that went to the client.
    #[prost(uint64, tag = "7")]
    pub relayed_bytes: u64,
    /// What it waits for, in a sentence; for people.
    #[prost(string, tag = "8")]
    pub because: String,
    /// How big it was thought to be.
    #[prost(message, optional, tag = "9")]
    pub estimate: Option<crate::estimate::Estimate>,
}

/// A statement to plan.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ExplainRequest {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// One SQL statement; its parameters have no values.
    #[prost(string, tag = "2")]
    pub sql: String,
}

/// DuckDB's plan.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ExplainAnswer {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// As `EXPLAIN (FORMAT json)` gives it.
    #[prost(string, tag = "2")]
    pub plan: String,
}

/// The rows of the tables about statements, as one principal may see them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Overview {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// Of `tavana.queries`: what waits, what runs, and what is over, the newest first.
    #[prost(message, repeated, tag = "2")]
    pub queries: Vec<QueryRow>,
    /// Of `tavana.queue`: what waits, in its order.
    #[prost(message, repeated, tag = "3")]
    pub queue: Vec<QueueRow>,
    /// Of `tavana.workers`.
    #[prost(message, repeated, tag = "4")]
    pub workers: Vec<WorkerRow>,
}

/// A statement: what it is, how big it was thought to be, and what became of it. Times are microseconds since 1970.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryRow {
    /// 16 bytes, see [`crate::QueryId`].
    #[prost(bytes = "vec", tag = "1")]
    pub query_id: Vec<u8>,
    /// Whose it is.
    #[prost(string, tag = "2")]
    pub principal: String,
    /// 16 bytes, see [`crate::SessionId`].
    #[prost(bytes = "vec", tag = "3")]
    pub session_id: Vec<u8>,
    /// By which protocol it came: `flight` or `postgresql`.
    #[prost(string, tag = "4")]
    pub protocol: String,
    /// Its text, perhaps cut; empty where it may hold credentials.
    #[prost(string, tag = "5")]
    pub sql: String,
    /// What kind of statement it is, such as `read` or `write`.
    #[prost(string, tag = "6")]
    pub class: String,
    /// Where it is on its way.
    #[prost(enumeration = "QueryState", tag = "7")]
    pub state: i32,
    /// `ok`, or the label of its failure; empty until it is over.
    #[prost(string, tag = "8")]
    pub outcome: String,
    /// How big it was thought to be; its fingerprint is in it.
    #[prost(message, optional, tag = "9")]
    pub estimate: Option<crate::estimate::Estimate>,
    /// How big it was; absent when its worker did not say.
    #[prost(message, optional, tag = "10")]
    pub actual: Option<crate::estimate::Actual>,
    /// When it came.
    #[prost(int64, tag = "11")]
    pub arrived_us: i64,
    /// When it had room and went to its worker.
    #[prost(int64, optional, tag = "12")]
    pub started_us: Option<i64>,
    /// When its last byte left, or it failed.
    #[prost(int64, optional, tag = "13")]
    pub ended_us: Option<i64>,
    /// Microseconds that it waited in the queue.
    #[prost(uint64, tag = "14")]
    pub waited_us: u64,
    /// The name of its worker; empty while it has none.
    #[prost(string, tag = "15")]
    pub worker: String,
    /// Memory that was reserved for it.
    #[prost(uint64, optional, tag = "16")]
    pub grant_bytes: Option<u64>,
    /// Bytes of its result that went to the client.
    #[prost(uint64, tag = "17")]
    pub relayed_bytes: u64,
    /// What it cost; absent when nothing costs anything.
    #[prost(double, optional, tag = "18")]
    pub cost: Option<f64>,
    /// How it came to run, such as `fifo`; empty while it waits.
    #[prost(string, tag = "19")]
    pub permit: String,
}

impl QueryRow {
    /// The memory that was reserved for it times how long, in GiB times seconds; `None` until it is over, and without a grant.
    pub fn gib_seconds(&self) -> Option<f64> {
        let held_us = self.ended_us?.checked_sub(self.started_us?)?.max(0);
        let gib = self.grant_bytes? as f64 / (1_u64 << 30) as f64;
        Some(gib * held_us as f64 / 1e6)
    }
}

/// A statement that waits for room.
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueueRow {
    /// From 1, the next to run.
    #[prost(uint64, tag = "1")]
    pub position: u64,
    /// 16 bytes, see [`crate::QueryId`].
    #[prost(bytes = "vec", tag = "2")]
    pub query_id: Vec<u8>,
    /// Whose it is.
    #[prost(string, tag = "3")]
    pub principal: String,
    /// What it does there, in a word, such as `waiting` or `reserving`.
    #[prost(string, tag = "4")]
    pub state: String,
    /// Microseconds that it has waited.
    #[prost(uint64, tag = "5")]
    pub waited_us: u64,
    /// Milliseconds until it may run; absent when that is not known.
    #[prost(uint64, optional, tag = "6")]
    pub expected_wait_ms: Option<u64>,
    /// Memory that it needs.
    #[prost(uint64, tag = "7")]
    pub need_bytes: u64,
    /// What it waits for, in a sentence; for people.
    #[prost(string, tag = "8")]
    pub because: String,
    /// Its text, perhaps cut; empty where it may hold credentials.
    #[prost(string, tag = "9")]
    pub sql: String,
}

/// A worker as its gateway sees it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WorkerRow {
    /// Its name; only administrators are told an address.
    #[prost(string, tag = "1")]
    pub name: String,
    /// 16 bytes, see [`crate::WorkerId`]; empty until it has told.
    #[prost(bytes = "vec", tag = "2")]
    pub worker_id: Vec<u8>,
    /// `up`, `draining`, `down` or `unknown`.
    #[prost(string, tag = "3")]
    pub state: String,
    /// What it has room for; absent until it has told.
    #[prost(message, optional, tag = "4")]
    pub capacity: Option<crate::capacity::Capacity>,
    /// Calls that this gateway has there now.
    #[prost(uint64, tag = "5")]
    pub calls: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gib_seconds_are_grant_times_time() {
        let row = QueryRow { grant_bytes: Some(2 << 30), started_us: Some(1_000_000), ..QueryRow::default() };
        assert_eq!(row.gib_seconds(), None);
        let at = |ended_us| QueryRow { ended_us: Some(ended_us), ..row.clone() }.gib_seconds();
        assert_eq!(at(2_500_000), Some(3.0));
        // A clock that went back costs nothing.
        assert_eq!(at(0), Some(0.0));
    }
}
