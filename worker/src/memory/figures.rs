//! The metrics of the worker's memory.

use prometheus::{IntCounter, IntGauge, Registry};

use super::budget::Standing;
use super::usage::Usage;

/// Set about once a second.
#[derive(Debug)]
pub(super) struct Figures {
    grants: IntGauge,
    granted_bytes: IntGauge,
    refusals: IntCounter,
    limit_bytes: IntGauge,
    used_bytes: IntGauge,
    anonymous_bytes: IntGauge,
    spilled_bytes: IntGauge,
}

impl Figures {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("tavana_worker_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let refusals = IntCounter::new(
            "tavana_worker_grants_refused_total",
            "Grants that gateways were refused for want of room.",
        )?;
        registry.register(Box::new(refusals.clone()))?;
        Ok(Self {
            grants: gauge("grants", "Calls of gateways that hold a grant of memory now.")?,
            granted_bytes: gauge("granted_bytes", "Bytes of memory that are granted to them.")?,
            refusals,
            limit_bytes: gauge("memory_limit_bytes", "Bytes of memory that DuckDB keeps to.")?,
            used_bytes: gauge("duckdb_used_bytes", "Bytes that DuckDB's buffers have in use, caches among them.")?,
            anonymous_bytes: gauge("anonymous_bytes", "Anonymous memory of the process that is resident, in bytes.")?,
            spilled_bytes: gauge("spilled_bytes", "Bytes on disk for what does not fit in memory.")?,
        })
    }

    pub(super) fn set(&self, standing: &Standing, limit_bytes: u64, anonymous_bytes: u64, usage: Usage) {
        let set = |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.grants, standing.held.grants.into());
        set(&self.granted_bytes, standing.held.bytes);
        self.refusals.inc_by(standing.refusals.saturating_sub(self.refusals.get()));
        set(&self.limit_bytes, limit_bytes);
        set(&self.used_bytes, usage.used_bytes);
        set(&self.anonymous_bytes, anonymous_bytes);
        set(&self.spilled_bytes, usage.spilled_bytes);
    }
}
