//! The table `[catalog.NAME.maintenance]` of a catalogs file.

use serde::Deserialize;

/// What maintenance keeps, and how often it runs. Parts of days and minutes may be given.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct MaintenanceSettings {
    /// Time from the end of one run to the begin of the next, in the whole fleet.
    pub(crate) every_minutes: f64,
    /// How long the past can be read.
    pub(crate) keep_snapshots_days: f64,
    /// The age at which a file that no snapshot names is deleted. Longer than any transaction, whose files are named by none until
    /// it commits, and longer than any statement, which may still read what has just been merged.
    pub(crate) delete_files_after_days: f64,
    /// Whether small files are merged and heavily deleted ones rewritten.
    pub(crate) compaction: bool,
}

impl Default for MaintenanceSettings {
    fn default() -> Self {
        Self { every_minutes: 60.0, keep_snapshots_days: 7.0, delete_files_after_days: 7.0, compaction: true }
    }
}

impl MaintenanceSettings {
    /// # Errors
    /// What is wrong, as a text.
    pub(crate) fn check(&self) -> Result<(), String> {
        let wrong = |key: &str, what: &str| Err(format!("{key} of its maintenance is {what}"));
        if !(self.every_minutes > 0.0 && self.every_minutes <= 525_600.0) {
            return wrong("every-minutes", "more than 0 and at most a year");
        }
        for (key, days) in [
            ("keep-snapshots-days", self.keep_snapshots_days),
            ("delete-files-after-days", self.delete_files_after_days),
        ] {
            if !(0.0..=36_500.0).contains(&days) {
                return wrong(key, "a number of days from 0 to 36500");
            }
        }
        Ok(())
    }
}
