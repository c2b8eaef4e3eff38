//! Any text through the sizer, for fuzzing: the target `sizer` in `fuzz/` calls it for as long as it is let, a test a bounded number of times.

use tavana_wire::estimate::Estimate;
use tokio::runtime::Runtime;

use super::canned::{canned, config, session};
use super::{Estimator, classify};

/// Sizes texts over the statistics of a few relations: `big`, `small`, the view `v` and the file `events.parquet`.
pub struct Sizer {
    runtime: Runtime,
}

impl Sizer {
    /// Ready for texts.
    ///
    /// # Errors
    /// When there is no runtime.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { runtime: tokio::runtime::Builder::new_current_thread().enable_time().build()? })
    }

    /// Sizes what these bytes are as text.
    ///
    /// # Panics
    /// When the estimate is none, or the planner panicked.
    pub fn run(&self, data: &[u8]) {
        let sql = String::from_utf8_lossy(data);
        classify(&sql);
        // Each is planned anew, and to its end.
        let estimator = Estimator::new(config(&["--estimate-budget-ms", "20000"]));
        let Estimate { peak_memory_bytes, confidence, because, .. } =
            self.runtime.block_on(estimator.estimate(&sql, &session(), None, &canned()));
        assert!((1..=1 << 51).contains(&peak_memory_bytes), "{peak_memory_bytes} bytes");
        assert!((0.0..=1.0).contains(&confidence), "a confidence of {confidence}");
        assert!(!because.is_empty(), "it is not told why");
        assert!(because.iter().all(|reason| reason != "the planner failed"), "the planner panicked");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_text_has_a_size(sql in "(select|from|merge into|update|set|copy|to|'x'|big|small|v|i|[(),.*=;]|[0-9]| |\\PC)*") {
            Sizer::new().unwrap().run(sql.as_bytes());
        }
    }
}
