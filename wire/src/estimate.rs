//! How big a statement is: before it runs, an [`Estimate`]; afterwards, what it was, an [`Actual`].
//!
//! A gateway estimates and measures nothing itself. It gives its estimate to the worker with the call, in [`crate::headers::ESTIMATE`],
//! and the worker tells clients of it and seals it into the ticket; the worker gives the actual size back in the trailers of the
//! statement, in [`crate::headers::ACTUAL`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message as _;

/// The version of the messages below; it grows when a field changes its meaning.
pub const VERSION: u32 = 1;

/// Where an estimate comes from, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum EstimateSource {
    /// Nothing is known of the statement; the configured default.
    Default = 0,
    /// DuckDB's own plan of it.
    Explained = 1,
    /// DataFusion's plan of it, on statistics.
    Planned = 2,
    /// What earlier runs of the like took.
    History = 3,
}

impl EstimateSource {
    /// Its name for people and in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Explained => "explained",
            Self::Planned => "planned",
            Self::History => "history",
        }
    }
}

/// How big a statement is thought to be.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Estimate {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// Bytes that are read from files and tables, as they are stored.
    #[prost(uint64, optional, tag = "2")]
    pub scan_bytes: Option<u64>,
    /// Rows of the result.
    #[prost(uint64, optional, tag = "3")]
    pub rows: Option<u64>,
    /// Bytes of the result as Arrow.
    #[prost(uint64, optional, tag = "4")]
    pub output_bytes: Option<u64>,
    /// Memory at its peak: what is reserved for it.
    #[prost(uint64, tag = "5")]
    pub peak_memory_bytes: u64,
    /// How sure that is: from 0, a guess, to 1, measured.
    #[prost(double, tag = "6")]
    pub confidence: f64,
    /// Where it comes from.
    #[prost(enumeration = "EstimateSource", tag = "7")]
    pub source: i32,
    /// What it rests on and what is not known, a sentence each; for people.
    #[prost(string, repeated, tag = "8")]
    pub because: Vec<String>,
    /// The statement without its literals, as 16 bytes: those of the same fingerprint are expected to be alike.
    #[prost(bytes = "vec", tag = "9")]
    pub fingerprint: Vec<u8>,
}

/// How big a statement was.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Actual {
    /// [`VERSION`] of the sender.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// Memory at its peak, above what was in use before it; only of statements that ran alone.
    #[prost(uint64, optional, tag = "2")]
    pub peak_memory_bytes: Option<u64>,
    /// The most bytes on disk for what did not fit in memory; only of statements that ran alone.
    #[prost(uint64, optional, tag = "3")]
    pub spilled_bytes: Option<u64>,
    /// Rows that were given out, or changed.
    #[prost(uint64, tag = "4")]
    pub rows: u64,
    /// From the begin of the run to the last row, in microseconds; the client's slowness is in it.
    #[prost(uint64, tag = "5")]
    pub run_us: u64,
    /// Bytes of the result as Arrow.
    #[prost(uint64, tag = "6")]
    pub output_bytes: u64,
}

/// Puts a message into a header.
pub fn put(headers: &mut HeaderMap, name: HeaderName, message: &impl prost::Message) {
    if let Ok(value) = HeaderValue::try_from(URL_SAFE_NO_PAD.encode(message.encode_to_vec())) {
        headers.insert(name, value);
    }
}

/// Reads a message from a header; `None` when it is not there or cannot be read.
pub fn read<M: prost::Message + Default>(headers: &HeaderMap, name: HeaderName) -> Option<M> {
    let value = headers.get(name)?;
    M::decode(URL_SAFE_NO_PAD.decode(value.as_bytes()).ok()?.as_slice()).ok()
}

/// Takes a message out of a header; `None` when it is not there or cannot be read.
pub fn take<M: prost::Message + Default>(headers: &mut HeaderMap, name: HeaderName) -> Option<M> {
    let message = read(headers, name.clone());
    headers.remove(name);
    message
}

impl Estimate {
    /// The estimate as `FlightInfo.app_metadata` has it, next to the id of its statement.
    pub fn of_statement(self, query_id: crate::QueryId) -> StatementSize {
        StatementSize { query_id: query_id.to_vec(), estimate: Some(self) }
    }
}

/// What `FlightInfo.app_metadata` says of a statement.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StatementSize {
    /// 16 bytes, see [`crate::QueryId`].
    #[prost(bytes = "vec", tag = "1")]
    pub query_id: Vec<u8>,
    /// Of the statement; absent when a worker was asked without a gateway.
    #[prost(message, optional, tag = "2")]
    pub estimate: Option<Estimate>,
}

impl StatementSize {
    /// From `FlightInfo.app_metadata`; `None` when that says something else.
    pub fn read(app_metadata: &[u8]) -> Option<Self> {
        Self::decode(app_metadata).ok().filter(|size| size.query_id.len() == 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers;

    #[test]
    fn sizes_travel_in_headers() {
        let mut map = HeaderMap::new();
        let estimate = Estimate { rows: Some(3), because: vec!["a reason ‖".to_owned()], ..Estimate::default() };
        put(&mut map, headers::ESTIMATE, &estimate);
        assert_eq!(take(&mut map, headers::ESTIMATE), Some(estimate));
        assert_eq!(take::<Estimate>(&mut map, headers::ESTIMATE), None);
        map.insert(headers::ESTIMATE, HeaderValue::from_static("!"));
        assert_eq!(take::<Estimate>(&mut map, headers::ESTIMATE), None);
    }
}
