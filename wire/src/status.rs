//! What a gateway tells of statements: to those who wait for them, and to the tables that show them.
//!
//! The tables `tavana.queries`, `tavana.queue` and `tavana.workers` are queried like any others, by DuckDB on a worker; their rows are the
//! gateway's. It hands them to the worker ahead of a statement that names one, and only those that its principal may see.

/// Action of a gateway: how a statement is. The body is a [`QueryStatusRequest`], the one result a [`QueryStatus`].
pub const QUERY_STATUS: &str = "tavana.QueryStatus";

/// Action of a worker: plans a statement without running it. The body is a [`ExplainRequest`], the one result an [`ExplainAnswer`].
pub const EXPLAIN: &str = "tavana.Explain";

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
