//! How the memory stands, told to the gateways that watch.
//!
//! Told at once, on every change (of many that come close together only the last), and each second. The stream ends when
//! the worker drains: it would hold up the end of the process.

use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tavana_wire::GatewayId;
use tavana_wire::capacity::{Capacity, VERSION};
use tokio::sync::watch;

use super::Memory;

/// Changes that come closer together are told as one.
const COALESCE: Duration = Duration::from_millis(10);
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);
/// Of the disk, as DuckDB's own default has it.
const SPILL_PERCENT: u64 = 90;

impl Memory {
    /// How it stands, as a gateway sees it.
    fn capacity(&self, gateway: Option<GatewayId>) -> Capacity {
        let (standing, usage, process) = (self.budget.standing(gateway), self.usage(), self.process());
        Capacity {
            version: VERSION,
            memory_bytes: standing.grantable_bytes,
            granted_bytes: standing.held.bytes,
            granted_to_others_bytes: standing.held_by_others.bytes,
            slots: standing.slots,
            grants: standing.held.grants,
            grants_of_others: standing.held_by_others.grants,
            used_bytes: usage.used_bytes,
            anonymous_bytes: process.anonymous_bytes,
            spilled_bytes: usage.spilled_bytes,
            spill_limit_bytes: self.spill_limit_bytes(usage.spilled_bytes),
            process_limit_bytes: process.limit_bytes,
            draining: standing.is_draining,
        }
    }

    /// The capacity now, and again whenever it is another.
    pub(crate) fn capacities(self: &Arc<Self>, gateway: Option<GatewayId>) -> impl Stream<Item = Capacity> + use<> {
        let first: Option<watch::Receiver<()>> = None;
        let memory = Arc::clone(self);
        futures::stream::unfold((memory, first, false), move |(memory, changes, has_ended)| async move {
            if has_ended {
                return None;
            }
            let changes = match changes {
                None => memory.budget.changes(),
                Some(mut changes) => {
                    tokio::time::sleep(COALESCE).await;
                    let _ = tokio::time::timeout(AT_LEAST_EVERY - COALESCE, changes.changed()).await;
                    changes.mark_unchanged();
                    changes
                }
            };
            let capacity = memory.capacity(gateway);
            let has_ended = capacity.draining;
            Some((capacity, (memory, Some(changes), has_ended)))
        })
    }

    fn spill_limit_bytes(&self, spilled_bytes: u64) -> u64 {
        self.config.spill_limit_bytes.unwrap_or_else(|| {
            let disk = rustix::fs::statvfs(&self.config.spill_dir);
            let free = disk.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
            (free + spilled_bytes) / 100 * SPILL_PERCENT
        })
    }
}
