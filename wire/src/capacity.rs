//! What a worker has room for.
//!
//! The worker is the authority over its memory. A gateway asks for a part of it with the call that runs a statement
//! ([`crate::headers::GRANT`]), and the worker refuses, before anything is done, what it has no room for
//! ([`crate::FailureKind::NoRoom`]). The grant is held by the call itself: however that ends, it is free again. So that a gateway need
//! not ask in vain, it watches the capacity of every worker.

/// Action: the capacity of the worker, told at once, whenever it changes and at least every second, until the caller leaves. The body is a
/// [`CapacityRequest`], each result a [`Capacity`].
pub const WATCH_CAPACITY: &str = "tavana.WatchCapacity";

/// The version of the messages below; it grows when a field changes its meaning.
pub const VERSION: u32 = 1;

/// Who watches.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct CapacityRequest {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// 16 bytes that tell this gateway process from others; the same as in [`crate::headers::GATEWAY`].
    #[prost(bytes = "vec", tag = "2")]
    pub gateway_id: Vec<u8>,
}

/// What a worker has, and what of it is taken.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Capacity {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// Bytes of memory that statements can be granted, together.
    #[prost(uint64, tag = "2")]
    pub memory_bytes: u64,
    /// Bytes that are granted now.
    #[prost(uint64, tag = "3")]
    pub granted_bytes: u64,
    /// The part of them that other gateways than the watcher hold.
    #[prost(uint64, tag = "4")]
    pub granted_to_others_bytes: u64,
    /// Statements that can run at a time.
    #[prost(uint32, tag = "5")]
    pub slots: u32,
    /// Grants that are held now.
    #[prost(uint32, tag = "6")]
    pub grants: u32,
    /// The part of them that other gateways than the watcher hold.
    #[prost(uint32, tag = "7")]
    pub grants_of_others: u32,
    /// Bytes that DuckDB has in use: its buffers, caches among them.
    #[prost(uint64, tag = "8")]
    pub used_bytes: u64,
    /// Anonymous memory of the process that is resident, in bytes: what the kernel cannot take back.
    #[prost(uint64, tag = "9")]
    pub anonymous_bytes: u64,
    /// Bytes on disk of what did not fit into memory.
    #[prost(uint64, tag = "10")]
    pub spilled_bytes: u64,
    /// Bytes that may be there.
    #[prost(uint64, tag = "11")]
    pub spill_limit_bytes: u64,
    /// The limit of the process's memory: of its control group, or else of the machine.
    #[prost(uint64, tag = "12")]
    pub process_limit_bytes: u64,
    /// The worker finishes what it has and takes nothing new.
    #[prost(bool, tag = "13")]
    pub draining: bool,
}
