//! What the queue counts.

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::entry::{Grant, Kind};
use super::mode::Mode;

/// Seconds: from no wait at all to hours.
const BUCKETS: [f64; 14] = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0];

/// The queue's metrics, registered.
pub(super) struct Metrics {
    waiting: IntGauge,
    waiting_bytes: IntGauge,
    permits: IntGauge,
    permit_bytes: IntGauge,
    saturated: IntGauge,
    decisions: IntCounterVec,
    clamped: IntCounter,
    refusals: IntCounter,
    seconds_scaling: Histogram,
    seconds_saturation: Histogram,
}

impl Metrics {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let decisions = Opts::new(
            "tavana_gateway_queue_decisions_total",
            "Statements that were given a permit, by how: direct (did not wait), fifo (in its turn), backfill (passed one \
             that it does not delay), rider (within its session's other statement).",
        );
        let seconds = HistogramOpts::new("tavana_gateway_queue_seconds", "Seconds of waiting for a permit, by mode.");
        let seconds = HistogramVec::new(seconds.buckets(BUCKETS.to_vec()), &["mode"])?;
        let gauge = |name, help| IntGauge::new(name, help);
        let metrics = Self {
            waiting: gauge("tavana_gateway_queue_waiting", "Statements that wait for a permit.")?,
            waiting_bytes: gauge("tavana_gateway_queue_waiting_bytes", "Bytes of SQL that wait for a permit.")?,
            permits: gauge("tavana_gateway_permits", "Permits that are held now.")?,
            permit_bytes: gauge("tavana_gateway_permit_bytes", "Bytes of memory that are permitted now.")?,
            saturated: gauge("tavana_gateway_queue_saturated", "1 in mode saturation, 0 in mode scaling.")?,
            decisions: IntCounterVec::new(decisions, &["kind"])?,
            clamped: IntCounter::new(
                "tavana_gateway_queue_clamped_total",
                "Permits for less memory than the statement needs, since no worker has more.",
            )?,
            refusals: IntCounter::new("tavana_gateway_queue_refusals_total", "Permits that a worker had no room for.")?,
            seconds_scaling: seconds.with_label_values(&[Mode::Scaling.label()]),
            seconds_saturation: seconds.with_label_values(&[Mode::Saturation.label()]),
        };
        for kind in Kind::ALL {
            metrics.decisions.with_label_values(&[kind.label()]);
        }
        for gauge in [&metrics.waiting, &metrics.waiting_bytes, &metrics.permits, &metrics.permit_bytes] {
            registry.register(Box::new(gauge.clone()))?;
        }
        registry.register(Box::new(metrics.saturated.clone()))?;
        registry.register(Box::new(metrics.decisions.clone()))?;
        registry.register(Box::new(metrics.clamped.clone()))?;
        registry.register(Box::new(metrics.refusals.clone()))?;
        registry.register(Box::new(seconds))?;
        Ok(metrics)
    }

    pub(super) fn queue(&self, waiting: usize, sql_bytes: u64, mode: Mode) {
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.waiting_bytes.set(i64::try_from(sql_bytes).unwrap_or(i64::MAX));
        self.saturated.set(i64::from(mode == Mode::Saturation));
    }

    pub(super) fn granted(&self, grant: &Grant) {
        self.permits.inc();
        self.permit_bytes.add(i64::try_from(grant.bytes).unwrap_or(i64::MAX));
        self.decisions.with_label_values(&[grant.kind.label()]).inc();
        self.clamped.inc_by(u64::from(grant.clamped));
        let seconds = match grant.mode {
            Mode::Scaling => &self.seconds_scaling,
            Mode::Saturation => &self.seconds_saturation,
        };
        seconds.observe(grant.waited.as_secs_f64());
    }

    pub(super) fn released(&self, grant: &Grant) {
        self.permits.dec();
        self.permit_bytes.sub(i64::try_from(grant.bytes).unwrap_or(i64::MAX));
    }

    pub(super) fn refused(&self) {
        self.refusals.inc();
    }
}
