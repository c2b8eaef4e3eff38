//! Flight actions that a worker answers for gateways and operators.

/// Action: how the worker is. The body is empty, the one result a [`WorkerStatus`].
pub const WORKER_STATUS: &str = "tavana.WorkerStatus";

/// The version of the messages below; it grows when a field changes its meaning.
pub const VERSION: u32 = 1;

/// How a worker is.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct WorkerStatus {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// 16 bytes, see [`crate::WorkerId`].
    #[prost(bytes = "vec", tag = "2")]
    pub worker_id: Vec<u8>,
    /// The worker finishes what it has and takes nothing new.
    #[prost(bool, tag = "3")]
    pub draining: bool,
    /// Statements that run now.
    #[prost(uint64, tag = "4")]
    pub running_queries: u64,
    /// Sessions that hold state on this worker.
    #[prost(uint64, tag = "5")]
    pub open_sessions: u64,
}
